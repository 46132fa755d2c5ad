# SPDX-License-Identifier: Apache-2.0
"""Arguments by the names of other libraries, which Xent does not take: the message has the name that it takes."""
import inspect

import numpy as np
import pytest

import pyxent
from pyxent._names import parameters_of

X = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize("name, now", [("divergence", "kl_divergence, jensen_shannon_divergence or total_variation"),
                                       ("binary_cross_entropy_hvp", "softmax of [x, 0] for p, and v p (1 - p)")])
def test_functions_before_the_first_release(name, now):
    with pytest.raises(AttributeError) as error:
        getattr(pyxent, name)
    assert str(error.value) == f"module 'pyxent' has no attribute '{name}'; expected {now}"
    with pytest.raises(AttributeError, match=f"^module 'pyxent' has no attribute '{name}s'$"):
        getattr(pyxent, f"{name}s")


def test_every_function_says_that_arguments_have_names():
    for name, function in inspect.getmembers(pyxent, inspect.isfunction):
        taken = inspect.signature(function).parameters.values()
        if any(each.kind is each.KEYWORD_ONLY for each in taken):
            assert not {"more", "unknown"} & {each.name for each in taken}
            with pytest.raises(TypeError, match=rf"^{name}\(\) got 9 positional arguments; expected \d. Pass the others"):
                function(*[X] * 9)


def test_other_errors_of_a_call_are_pythons():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'targets'"):
        pyxent.cross_entropy(X)
    with pytest.raises(TypeError, match="missing 2 required positional arguments: 'logits' and 'targets'"):
        pyxent.cross_entropy(axis=0)
    with pytest.raises(TypeError, match="multiple values for argument 'logits'"):
        pyxent.softmax(X, logits=X)
    with pytest.raises(TypeError, match="^temperature is 'x'; expected a number$"):
        pyxent.softmax(X, temperature="x")


def test_signatures_are_those_of_the_functions():
    of_sampler = parameters_of(pyxent.Sampler)
    assert {"top_p", "seed", "no_repeat_ngram"} <= set(of_sampler) and not {"logits", "step", "options"} & set(of_sampler)
    given = [name for name, each in inspect.getmembers(pyxent, inspect.isfunction)
             if len(inspect.signature(each).parameters) > 17]
    assert given == ["linear_cross_entropy"]  # others have fewer, and a TypedDict of the rarer ones
    assert list(inspect.signature(pyxent.argmax).parameters)[:3] == ["logits", "axis", "keepdims"]
    assert pyxent.argmax.__name__ == "argmax" and pyxent.argmax.__doc__.startswith("The class of the largest")
