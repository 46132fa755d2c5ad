// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The C API, function by function; include/xent.h says what each one does. Both implementations get
 * the same arguments and write the same bits.
 *
 * <p>Structs are off-heap segments in the C layouts, read and written with the accessors of {@code
 * dev.xent.internal.ffi}; the caller keeps the shape, the options and the report open and reachable
 * until the call returns. Data arguments are off-heap segments or segments of heap arrays that
 * begin at the element (row 0, class 0); an absent one is {@link MemorySegment#NULL}. What is
 * returned is one of {@link Status}. A call with heap arrays must be short, as it keeps the garbage
 * collector waiting.
 *
 * <p>Implementations have no state of their own and may be called by many threads.
 */
public interface Kernels {

  /**
   * y = exp(x) / sum exp(x). As xent_softmax_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param logits x
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param output y
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int softmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report);

  /**
   * y = x - log sum exp(x). As xent_log_softmax_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param logits x
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param output y
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int logSoftmaxForward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment statistics,
      MemorySegment output,
      MemorySegment report);

  /**
   * log sum exp(x), one number per row. As xent_log_sum_exp_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param logSumExp one per row
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int logSumExp(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment logSumExp,
      MemorySegment report);

  /**
   * dx = y * (dy - sum dy * y) / temperature. As xent_softmax_backward_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param output y
   * @param upstream dy
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param gradient dx
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int softmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report);

  /**
   * dx = dy - exp(y) * sum dy. As xent_log_softmax_backward_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param output y
   * @param upstream dy
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param gradient dx
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int logSoftmaxBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment gradient,
      MemorySegment report);

  /**
   * Reads labels before anything is written and counts the rows that count. As
   * xent_check_targets_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param targets labels, sparse classes or probability rows
   * @param targetWeights what each class of a sparse row weighs, or NULL
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param classWeights one per class, or NULL
   * @param rowWeights one per row, or NULL
   * @param weights xent_tally that the denominator is added to, or NULL
   * @param report xent_report
   * @return one of {@link Status}
   */
  int checkTargets(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment weights,
      MemorySegment report);

  /**
   * {@link #crossEntropy} without the arrays that few calls have. As xent_cross_entropy_plain_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param targets labels or probability rows, or NULL
   * @param losses one per row, or NULL
   * @param logSumExp one per row, or NULL
   * @param hits one per row, or NULL
   * @param gradient dx, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param tally xent_tally, or NULL
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int plainCrossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment report);

  /**
   * The loss, in the same read of the logits its gradient, and whatever else a row can have. As
   * xent_cross_entropy_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param targets labels, sparse classes or probability rows, or NULL
   * @param targetWeights what each class of a sparse row weighs, or NULL
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param classWeights one per class, or NULL
   * @param rowWeights one per row, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param losses one per row, or NULL
   * @param logSumExp one per row, or NULL
   * @param hits one per row, or NULL
   * @param logProbabilities of the label, one per row, or NULL
   * @param argmax one per row, or NULL
   * @param ranks of the label, one per row, or NULL
   * @param entropies one per row, or NULL
   * @param topClasses the largest classes of each row, or NULL
   * @param topLogProbabilities theirs, or NULL
   * @param gradient dx, or NULL
   * @param targetGradient the gradient of probability rows or of sparse targets, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param tally xent_tally, or NULL
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int crossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment sink,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment logProbabilities,
      MemorySegment argmax,
      MemorySegment ranks,
      MemorySegment entropies,
      MemorySegment topClasses,
      MemorySegment topLogProbabilities,
      MemorySegment gradient,
      MemorySegment targetGradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment report);

  /**
   * The gradient alone, from the statistics of an earlier forward. As
   * xent_cross_entropy_backward_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param logits x
   * @param targets labels, sparse classes or probability rows
   * @param targetWeights what each class of a sparse row weighs, or NULL
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param classWeights one per class, or NULL
   * @param rowWeights one per row, or NULL
   * @param statistics xent_statistics at index row
   * @param upstream dy, or NULL
   * @param gradient dx
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int crossEntropyBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient,
      MemorySegment report);

  /**
   * Log-probabilities of selected classes, and the gradient of their sum with factors. As
   * xent_selected_log_probabilities_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param targets the classes
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param upstream one per class that is selected, or NULL
   * @param logProbabilities one per class that is selected, or NULL
   * @param gradient dx, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int selectedLogProbabilities(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment sink,
      MemorySegment upstream,
      MemorySegment logProbabilities,
      MemorySegment gradient,
      MemorySegment statistics,
      MemorySegment report);

  /**
   * The gradient alone, from the statistics of an earlier forward. As
   * xent_selected_log_probabilities_backward_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param targets the classes
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param statistics xent_statistics at index row
   * @param upstream one per class that is selected, or NULL
   * @param gradient dx
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int selectedLogProbabilitiesBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment gradient,
      MemorySegment report);

  /** sum q (log q - log p). */
  int KULLBACK_LEIBLER = 0;

  /** sum (q log(q / m) + p log(p / m)) / 2, m = (p + q) / 2. */
  int JENSEN_SHANNON = 1;

  /** sum |p - q| / 2. */
  int TOTAL_VARIATION = 2;

  /**
   * A divergence of the student's softmax p from q, that of the teacher, and its gradient. As
   * xent_kl_divergence_at, xent_jensen_shannon_divergence_at and xent_total_variation_at.
   *
   * @param kind which one
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param teacher logits too
   * @param classMask 0 for each class that is masked, or NULL
   * @param rowWeights one per row, or NULL
   * @param losses one per row, or NULL
   * @param gradient dx, or NULL
   * @param tally xent_tally, or NULL
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int divergence(
      int kind,
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment teacher,
      MemorySegment classMask,
      MemorySegment rowWeights,
      MemorySegment losses,
      MemorySegment gradient,
      MemorySegment tally,
      MemorySegment report);

  /**
   * The Hessian of cross-entropy times a vector per row. As xent_cross_entropy_hvp_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param upstream the vectors
   * @param rowOffsets rows + 1 places where ragged rows begin, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param rowWeights one per row, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param output the products
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int crossEntropyHvp(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment upstream,
      MemorySegment rowOffsets,
      MemorySegment classMask,
      MemorySegment rowWeights,
      MemorySegment sink,
      MemorySegment output,
      MemorySegment report);

  /**
   * Binary cross-entropy of every element, and its gradient. As xent_binary_cross_entropy_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param targets numbers from 0 to 1, or labels 0 and 1
   * @param elementWeights one per element, or NULL
   * @param positiveWeights one per element, or NULL
   * @param losses one per element, or NULL
   * @param gradient dx, or NULL
   * @param tally xent_tally, or NULL
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int binaryCrossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment elementWeights,
      MemorySegment positiveWeights,
      MemorySegment losses,
      MemorySegment gradient,
      MemorySegment tally,
      MemorySegment report);

  /**
   * A token of each row, drawn among the classes that filters keep. As xent_sample_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param sampling xent_sampling, one or one per row
   * @param perRow 1 where there is one per row, at index row
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param logits x
   * @param classMask 0 for each class that is masked, or NULL
   * @param bias added to the logits, or NULL
   * @param promptTokens some classes of each row, or NULL
   * @param outputTokens some classes of each row, or NULL
   * @param tokens one per row
   * @param processedLogProbabilities of the tokens, among the classes that are kept, or NULL
   * @param kept how many classes are kept, one per row, or NULL
   * @param keptMask which ones, or NULL
   * @param logProbabilities of the tokens, among all classes, or NULL
   * @param ranks of the tokens, or NULL
   * @param entropies one per row, or NULL
   * @param topClasses the largest classes of each row, or NULL
   * @param topLogProbabilities theirs, or NULL
   * @param workspace so many bytes for the call, or NULL
   * @param workspaceSize as {@link #sampleWorkspace} says
   * @param gathered of a shard xent_sample_state of all shards, or NULL
   * @param shards how many that is
   * @param states of a shard xent_sample_state at index row, or NULL
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int sample(
      MemorySegment shape,
      MemorySegment options,
      MemorySegment sampling,
      int perRow,
      long rowBegin,
      long rowEnd,
      MemorySegment logits,
      MemorySegment classMask,
      MemorySegment bias,
      MemorySegment promptTokens,
      MemorySegment outputTokens,
      MemorySegment tokens,
      MemorySegment processedLogProbabilities,
      MemorySegment kept,
      MemorySegment keptMask,
      MemorySegment logProbabilities,
      MemorySegment ranks,
      MemorySegment entropies,
      MemorySegment topClasses,
      MemorySegment topLogProbabilities,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment gathered,
      long shards,
      MemorySegment states,
      MemorySegment report);

  /**
   * The bytes of workspace that sampling needs. As xent_sample_workspace.
   *
   * @param classes of each row
   * @param tokens how many prompt and output tokens a row has
   */
  long sampleWorkspace(long classes, long tokens);

  /**
   * Cross-entropy of the logits of a linear layer, which are computed piece by piece, and gradients
   * of hidden states, weights and bias. As xent_linear_cross_entropy_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param hidden a hidden state per row
   * @param weights those of each class
   * @param bias one per class, or NULL
   * @param logits written, F32, or NULL
   * @param targets labels, sparse classes or probability rows, or NULL
   * @param targetWeights what each class of a sparse row weighs, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param classWeights one per class, or NULL
   * @param rowWeights one per row, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param losses one per row, or NULL
   * @param logSumExp one per row, or NULL
   * @param hits one per row, or NULL
   * @param logProbabilities of the labels, one per row, or NULL
   * @param argmax one per row, or NULL
   * @param ranks of the labels, one per row, or NULL
   * @param entropies one per row, or NULL
   * @param topClasses the largest classes of each row, or NULL
   * @param topLogProbabilities theirs, or NULL
   * @param targetGradient in the form of the targets, or NULL
   * @param hiddenGradient a number per feature of each row, or NULL
   * @param weightsGradient a number per feature of each class, or NULL
   * @param biasGradient one per class, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param tally xent_tally, or NULL
   * @param workspace so many bytes for the call
   * @param workspaceSize as {@link #linearWorkspace} says
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int linearCrossEntropy(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment sink,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment logProbabilities,
      MemorySegment argmax,
      MemorySegment ranks,
      MemorySegment entropies,
      MemorySegment topClasses,
      MemorySegment topLogProbabilities,
      MemorySegment targetGradient,
      MemorySegment hiddenGradient,
      MemorySegment weightsGradient,
      MemorySegment biasGradient,
      MemorySegment statistics,
      MemorySegment tally,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report);

  /**
   * The gradients alone, from the statistics of an earlier forward; those of weights and bias of
   * any class range. As xent_linear_cross_entropy_backward_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param hidden a hidden state per row
   * @param weights those of each class
   * @param bias one per class, or NULL
   * @param logits as the forward wrote them, or NULL
   * @param targets labels, sparse classes or probability rows
   * @param targetWeights what each class of a sparse row weighs, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param classWeights one per class, or NULL
   * @param rowWeights one per row, or NULL
   * @param statistics xent_statistics at index row
   * @param upstream one per row, or NULL
   * @param hiddenGradient a number per feature of each row, or NULL
   * @param weightsGradient a number per feature of each class, or NULL
   * @param biasGradient one per class, or NULL
   * @param workspace so many bytes for the call
   * @param workspaceSize as {@link #linearWorkspace} says
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int linearCrossEntropyBackward(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment statistics,
      MemorySegment upstream,
      MemorySegment hiddenGradient,
      MemorySegment weightsGradient,
      MemorySegment biasGradient,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report);

  /**
   * First pass over a class range of the logits of a linear layer. As xent_linear_states_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param hidden a hidden state per row
   * @param weights those of each class
   * @param bias one per class, or NULL
   * @param targets labels, sparse classes or probability rows, or NULL
   * @param targetWeights what each class of a sparse row weighs, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param classWeights one per class, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param states xent_state of each chunk of the range's rows
   * @param workspace so many bytes for the call
   * @param workspaceSize as {@link #linearWorkspace} says
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int linearStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment hidden,
      MemorySegment weights,
      MemorySegment bias,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment statistics,
      MemorySegment states,
      MemorySegment workspace,
      long workspaceSize,
      MemorySegment report);

  /**
   * The bytes of workspace of a linear layer. As xent_linear_workspace.
   *
   * @param rows of the range
   * @param features of a row
   * @param classes of the range
   * @param contents what is asked for
   * @return 0 where no long holds them
   */
  long linearWorkspace(long rows, long features, long classes, int contents);

  /**
   * First pass of a forward over a class range. As xent_forward_states_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param logits x
   * @param targets labels, sparse classes or probability rows, or NULL
   * @param targetWeights what each class of a sparse row weighs, or NULL
   * @param classMask 0 for each class that is masked, or NULL
   * @param classWeights one per class, or NULL
   * @param statistics xent_statistics at index row, or NULL
   * @param states xent_state of each chunk of the range's rows
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int forwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment logits,
      MemorySegment targets,
      MemorySegment targetWeights,
      MemorySegment classMask,
      MemorySegment classWeights,
      MemorySegment statistics,
      MemorySegment states,
      MemorySegment report);

  /**
   * First pass of a softmax backward over a class range. As xent_backward_states_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param classBegin the first class
   * @param classEnd the class after the last
   * @param output y, or NULL
   * @param upstream dy
   * @param classMask U8, 0 where a class is masked, or NULL
   * @param states xent_state of each chunk of the range's rows
   * @param report xent_report, or NULL
   * @return one of {@link Status}
   */
  int backwardStates(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      long classBegin,
      long classEnd,
      MemorySegment output,
      MemorySegment upstream,
      MemorySegment classMask,
      MemorySegment states,
      MemorySegment report);

  /**
   * Folds the states of whole rows. As xent_finish_at.
   *
   * @param shape xent_shape
   * @param options xent_options
   * @param rowBegin the first row
   * @param rowEnd the row after the last
   * @param states xent_state of each chunk of the range's rows
   * @param targets labels, sparse classes or probability rows, or NULL
   * @param classWeights one per class, or NULL
   * @param rowWeights one per row, or NULL
   * @param sink one logit per row more in its denominator, or NULL
   * @param secondRound 1 in the second round, else 0
   * @param statistics xent_statistics at index row
   * @param losses one per row, or NULL
   * @param logSumExp one per row, or NULL
   * @param hits one per row, or NULL
   * @param tally xent_tally, or NULL
   * @param report xent_report
   * @return one of {@link Status}
   */
  int finish(
      MemorySegment shape,
      MemorySegment options,
      long rowBegin,
      long rowEnd,
      MemorySegment states,
      MemorySegment targets,
      MemorySegment classWeights,
      MemorySegment rowWeights,
      MemorySegment sink,
      int secondRound,
      MemorySegment statistics,
      MemorySegment losses,
      MemorySegment logSumExp,
      MemorySegment hits,
      MemorySegment tally,
      MemorySegment report);

  /**
   * Adds F32 or F64 values. As xent_tally_add.
   *
   * @param tally xent_tally
   * @param values the first value
   * @param type the C code of the type of the values
   * @param stride from one value to the next, in elements
   * @param count how many values
   * @return one of {@link Status}
   */
  int tallyAdd(MemorySegment tally, MemorySegment values, int type, long stride, long count);

  /**
   * Adds what another tally holds. As xent_tally_merge.
   *
   * @param tally xent_tally that is added to
   * @param other xent_tally that stays as it is
   * @return one of {@link Status}
   */
  int tallyMerge(MemorySegment tally, MemorySegment other);

  /**
   * Returns the sum, rounded once. As xent_tally_sum.
   *
   * @param tally xent_tally
   * @return NaN after a NaN or infinities of both signs
   */
  double tallySum(MemorySegment tally);
}
