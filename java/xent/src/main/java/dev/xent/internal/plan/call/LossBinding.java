// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.ArrayViews;
import dev.xent.internal.plan.arrays.View;
import java.util.ArrayList;
import java.util.ConcurrentModificationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A bound call of a loss, with the outputs that it requests. */
public final class LossBinding extends Binding {
  private static final int NO_REQUESTS = -1;

  private final LossOperation loss;
  private @Nullable Outputs outputs;

  /** The count of changes of the outputs that the arrays are up to date with. */
  private int requests = NO_REQUESTS;

  /** The arrays of the outputs, as bits. */
  private long ofOutputs;

  /** The gradients of a linear layer, or null. */
  private final @Nullable ArrayViews gradients;

  /** The arrays of the gradients, as bits. */
  private long ofGradients;

  public LossBinding(
      LossOperation loss, @Nullable ArrayViews gradients, int mask, @Nullable View... given) {
    super(loss, mask, given);
    this.loss = loss;
    this.gradients = gradients;
  }

  /** Returns the loss of the current contents of the arrays. */
  public double loss() {
    return run(outputs, 0);
  }

  /** Sets the outputs of all later runs. */
  public void outputs(Outputs newOutputs) {
    use.enter();
    outputs = newOutputs;
    requests = NO_REQUESTS;
    use.uses = 0;
  }

  @Override
  protected void begin() {
    Outputs asked = outputs;
    if (asked != null) {
      asked.dropStatistics(); // a call that fails leaves no statistics
      loss.requireOutputs(asked);
      if (asked.requests() != requests) {
        int now = asked.requests();
        long bits = asked.views.bits();
        ofOutputs |= bits; // what comes next may fail between two arrays
        replace(ofOutputs & ~bits, bits, asked.views);
        ofOutputs = bits;
        int places = asked.exactSum == null ? 0 : loss.mask(Array.EXACT_SUM);
        places |= asked.savesStatistics() ? loss.mask(Array.STATISTICS) : 0;
        places |= asked.countCorrect ? loss.mask(Array.CORRECT) : 0;
        ofLibrary(places);
        requests = now;
      }
    }
    takeGradients();
  }

  private void takeGradients() {
    if (gradients != null) {
      long bits = gradients.bits();
      ofGradients |= bits;
      replace(ofGradients & ~bits, bits, gradients);
      ofGradients = bits;
    }
  }

  /** Replaces arrays by those of an object that its caller may change. */
  private void replace(long removed, long bits, ArrayViews by) {
    for (long left = removed; left != 0; left &= left - 1) {
      put(ArrayViews.first(left), null);
    }
    for (long left = bits; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      View view = by.get(array);
      if (view == null) {
        throw new ConcurrentModificationException(
            "these outputs were changed during a call: use others for each thread, or let the call return first");
      }
      put(array, view);
    }
  }

  /**
   * A bound call of the gradient alone, from the statistics that outputs saved of a run over the
   * arrays of this call.
   */
  public LossBinding backward(@Nullable View upstream) {
    LossOperation pass = loss.backward();
    List<View> given = new ArrayList<>();
    int mask = 0;
    for (int place = 0; place < pass.function.count(); place++) {
      Array array = pass.function.array(place);
      View view = array == Array.UPSTREAM ? upstream : get(array);
      if (view != null && pass.takes(array)) {
        mask |= 1 << place;
        given.add(view);
      }
    }
    return new LossBinding(pass, gradients, mask, given.toArray(View[]::new));
  }
}
