# SPDX-License-Identifier: Apache-2.0
"""Arguments by the names of other libraries, which Xent does not take: the message has the name that it takes."""
import inspect

import numpy as np
import pytest

import pyxent
from pyxent._names import parameters_of

X, LABELS = np.zeros((2, 3), np.float32), np.array([0, 1])


@pytest.mark.parametrize("call, message", [
    (lambda: pyxent.softmax(X, dim=-1), "softmax() got an unexpected keyword argument 'dim'; expected axis"),
    (lambda: pyxent.log_sum_exp(X, dim=-1, keepdim=True), "log_sum_exp() got unexpected keyword arguments 'dim', "
     "'keepdim'; expected axis, keepdims"),
    (lambda: pyxent.log_sum_exp(X, b=X), "log_sum_exp() got an unexpected keyword argument 'b'; help(pyxent.log_sum_exp) lists the "
     "arguments"),
    (lambda: pyxent.log_softmax(X, where=X > 0), "log_softmax() got an unexpected keyword argument 'where'; expected "
     "class_mask"),
    (lambda: pyxent.cross_entropy(X, LABELS, weight=X[0]), "cross_entropy() got an unexpected keyword argument "
     "'weight'; expected class_weights"),
    (lambda: pyxent.cross_entropy(X, LABELS, weights=X[0]), "cross_entropy() got an unexpected keyword argument "
     "'weights'; expected class_weights or row_weights"),
    (lambda: pyxent.nll_loss(X, LABELS, weight=X[0]), "nll_loss() got an unexpected keyword argument 'weight'; expected "
     "class_weights"),
    (lambda: pyxent.binary_cross_entropy(X, X, weight=X, pos_weight=X), "binary_cross_entropy() got unexpected keyword "
     "arguments 'weight', 'pos_weight'; expected element_weights, positive_weights"),
    (lambda: pyxent.binary_cross_entropy(X, X, gamma=2, alpha=0.5), "binary_cross_entropy() got unexpected keyword "
     "arguments 'gamma', 'alpha'; expected focal_gamma, focal_alpha"),
    (lambda: pyxent.kl_div(X, X, log_target=True), "kl_div() got an unexpected keyword argument 'log_target'; expected "
     "log_targets"),
    (lambda: pyxent.linear_cross_entropy(X, X, LABELS, linear_bias=X[0]), "linear_cross_entropy() got an unexpected "
     "keyword argument 'linear_bias'; expected bias"),
    (lambda: pyxent.cross_entropy(X, LABELS, sample_weight=X[0], ignore_class=1), "cross_entropy() got unexpected keyword "
     "arguments 'sample_weight', 'ignore_class'; expected row_weights, ignore_index"),
    (lambda: pyxent.sample(X, num_samples=1), "sample() got an unexpected keyword argument 'num_samples'; "
     "help(pyxent.sample) lists the arguments"),
    (lambda: pyxent.sample(X, generator=None), "sample() got an unexpected keyword argument 'generator'; expected seed "
     "and step"),
    (lambda: pyxent.sample(X, temprature=1), "sample() got an unexpected keyword argument 'temprature'; expected "
     "temperature"),
    (lambda: pyxent.sample(X, no_repeat_ngram=2), "no_repeat_ngram is an option of a text; expected "
     "Sampler(no_repeat_ngram=2).start()"),
    (lambda: pyxent.Sampler().start().next(X[0], dry_base=2.0), "dry_base is an option of a text; expected "
     "Sampler(dry_base=2.0).start()"),
    (lambda: pyxent.sample(X, logit_bias={1: 5.0}), "sample() got an unexpected keyword argument 'logit_bias'; expected "
     "bias_tokens and bias_values"),
    (lambda: pyxent.bind(pyxent.softmax, X, dim=1), "softmax() got an unexpected keyword argument 'dim'; expected axis"),
    (lambda: pyxent.softmax(X, output=X), "softmax() got an unexpected keyword argument 'output'; expected out"),
    (lambda: pyxent.softmax(X, inplace=True), "softmax() got an unexpected keyword argument 'inplace'; expected "
     "out=logits"),
    (lambda: pyxent.cross_entropy(X, LABELS, inplace=True), "cross_entropy() got an unexpected keyword argument "
     "'inplace'; expected gradient=logits"),
    *((lambda name=name: pyxent.cross_entropy(X, LABELS, **{name: True}), "cross_entropy() got an unexpected keyword "
       f"argument '{name}'; expected gradient") for name in ("grad", "return_grad", "return_gradient", "input_gradient")),
    *((lambda name=name: pyxent.linear_cross_entropy(X, X, LABELS, **{name: True}), "linear_cross_entropy() got an "
       f"unexpected keyword argument '{name}'; expected hidden_gradient, weights_gradient, bias_gradient")
      for name in ("gradient", "grad", "return_gradient")),
    (lambda: pyxent.linear_cross_entropy(X, X, LABELS, input_gradient=True, weight=X[0]), "linear_cross_entropy() got "
     "unexpected keyword arguments 'input_gradient', 'weight'; expected hidden_gradient, class_weights"),
    (lambda: pyxent.cross_entropy(X, LABELS, smooth=0.1, eps=0.1, ignore=1), "cross_entropy() got unexpected keyword "
     "arguments 'smooth', 'eps', 'ignore'; expected label_smoothing, ignore_index"),
    (lambda: pyxent.sample(X, temp=1, k=1, p=1, rep_penalty=1, frequency=1, presence=1, rng=1), "sample() got unexpected "
     "keyword arguments 'temp', 'k', 'p', 'rep_penalty', 'frequency', 'presence', 'rng'; expected temperature, top_k, "
     "top_p, repetition_penalty, frequency_penalty, presence_penalty, seed and step"),
    (lambda: pyxent.sample(X, T=1, penalty=1, random_state=1), "sample() got unexpected keyword arguments 'T', 'penalty', "
     "'random_state'; expected temperature, repetition_penalty, seed and step"),
    (lambda: pyxent.cross_entropy(X, labels=LABELS), "cross_entropy() got an unexpected keyword argument 'labels'; "
     "expected targets"),
    (lambda: pyxent.bind(pyxent.cross_entropy, X, target=LABELS), "cross_entropy() got an unexpected keyword argument "
     "'target'; expected targets"),
    (lambda: pyxent.softmax(X, isa="scalar"), "softmax() got an unexpected keyword argument 'isa'; expected the environment "
     "variable XENT_ISA"),
    (lambda: pyxent.cross_entropy(X, LABELS, dtype="float64", gradient_reduction="sum"), "cross_entropy() got unexpected "
     "keyword arguments 'dtype', 'gradient_reduction'; expected logits of that type, reduction"),
    (lambda: pyxent.argmax(X, last=True), "argmax() got an unexpected keyword argument 'last'; expected reversed logits"),
    (lambda: pyxent.top_k(X, 2, largest=False), "top_k() got an unexpected keyword argument 'largest'; expected top_k of "
     "-logits"),
    (lambda: pyxent.log_sum_exp(X, weights=X, return_sign=True), "log_sum_exp() got unexpected keyword arguments 'weights', "
     "'return_sign'; expected logits + log(weights), log_sum_exp of the terms of each sign"),
    (lambda: pyxent.binary_cross_entropy(X, X, weights=X, probability_clamp=0.1, target_gradient=True),
     "binary_cross_entropy() got unexpected keyword arguments 'weights', 'probability_clamp', 'target_gradient'; expected "
     "element_weights, clipped logits, -element_weights * logits"),
    (lambda: pyxent.softmax(x=X), "softmax() got an unexpected keyword argument 'x'; expected logits"),
    (lambda: pyxent.softmax(a=X), "softmax() got an unexpected keyword argument 'a'; help(pyxent.softmax) lists the "
     "arguments"),
    (lambda: pyxent.cross_entropy(input=X, target=LABELS), "cross_entropy() got unexpected keyword arguments 'input', "
     "'target'; expected logits, targets"),
    (lambda: pyxent.kl_div(input=X, target=X), "kl_div() got unexpected keyword arguments 'input', 'target'; expected "
     "log_probabilities, targets"),
    (lambda: pyxent.linear_cross_entropy(input=X, weight=X, targets=LABELS), "linear_cross_entropy() got unexpected "
     "keyword arguments 'input', 'weight'; expected hidden, weights"),
    (lambda: pyxent.linear_cross_entropy(X, linear_weight=X, targets=LABELS), "linear_cross_entropy() got an unexpected "
     "keyword argument 'linear_weight'; expected weights"),
    (lambda: pyxent.Sampler().start().verify(X, draft=[1]), "verify() got an unexpected keyword argument 'draft'; expected "
     "drafts"),
])
def test_names_of_other_libraries(call, message):
    with pytest.raises(TypeError) as error:
        call()
    assert str(error.value) == message and not error.value.__cause__


@pytest.mark.parametrize("call, message", [
    (lambda: pyxent.softmax(X, -1), "softmax() got 2 positional arguments; expected 1. Pass the others by name: axis=-1"),
    (lambda: pyxent.top_k(X, 2, 0), "top_k() got 3 positional arguments; expected 2. Pass the others by name: axis=0"),
    (lambda: pyxent.cross_entropy(X, LABELS, X[0]), "cross_entropy() got 3 positional arguments; expected 2. Pass the "
     "others by name: help(pyxent.cross_entropy) lists them"),
    (lambda: pyxent.sample(X, 0.7, 40), "sample() got 3 positional arguments; expected 1. Pass the others by name: "
     "temperature=0.7"),
    (lambda: pyxent.kl_div(X, X, True), "kl_div() got 3 positional arguments; expected 2. Pass the others by name: "
     "help(pyxent.kl_div) lists them"),
    (lambda: pyxent.kl_divergence(X, X, 1), "kl_divergence() got 3 positional arguments; expected 2. Pass the others by "
     "name: axis=1"),
    (lambda: pyxent.Sampler(0.7), "Sampler() got 1 positional argument; expected 0. Pass the others by name: "
     "temperature=0.7"),
    (lambda: pyxent.Sampler({"top_k": 5, "seed": 1}), "Sampler() got 1 positional argument; expected 0. Pass the others "
     "by name: top_k=5, seed=1"),
    (lambda: pyxent.bind(pyxent.softmax, X, 1), "softmax() got 2 positional arguments; expected 1. Pass the others by "
     "name: axis=1"),
])
def test_positional_arguments_that_have_names(call, message):
    with pytest.raises(TypeError) as error:
        call()
    assert str(error.value) == message and not error.value.__cause__


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
