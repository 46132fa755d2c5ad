# SPDX-License-Identifier: Apache-2.0
# Written by tools/functions.py: change what that reads, not this.
"""The layouts of xent_shape in their order, and the functions of the core."""
from __future__ import annotations

from typing import NamedTuple


class Function(NamedTuple):
    number: int
    has_classes: bool  # a range of them
    arrays: list[str]  # in the order of the doors


MOST_ARRAYS = 32  # of xent_many_at

LAYOUTS = ["logits", "output", "gradient", "upstream", "targets", "losses", "log_sum_exp", "hits", "target_weights",
           "row_offsets", "class_mask", "class_weights", "row_weights", "sink", "log_probabilities", "argmax", "ranks",
           "entropies", "top_classes", "top_log_probabilities", "target_gradient", "teacher", "bias", "prompt_tokens",
           "output_tokens", "tokens", "processed_log_probabilities", "kept", "kept_mask", "element_weights",
           "positive_weights", "hidden", "weights", "hidden_gradient", "weights_gradient", "bias_gradient"]

FUNCTIONS = {
    "softmax": Function(1, True, ["logits", "output", "class_mask", "sink", "row_offsets", "statistics"]),
    "log_softmax": Function(2, True, ["logits", "output", "class_mask", "sink", "row_offsets", "statistics"]),
    "log_sum_exp": Function(3, False, ["logits", "log_sum_exp", "class_mask", "sink", "row_offsets"]),
    "softmax_backward": Function(4, True, ["output", "upstream", "gradient", "class_mask", "row_offsets",
        "statistics"]),
    "log_softmax_backward": Function(5, True, ["output", "upstream", "gradient", "class_mask", "row_offsets",
        "statistics"]),
    "check_targets": Function(6, False, ["targets", "target_weights", "class_mask", "class_weights", "row_weights",
        "row_offsets", "tally"]),
    "cross_entropy": Function(7, False, ["logits", "targets", "losses", "log_sum_exp", "hits", "gradient",
        "target_weights", "class_mask", "class_weights", "row_weights", "sink", "log_probabilities", "argmax", "ranks",
        "entropies", "top_classes", "top_log_probabilities", "target_gradient", "row_offsets", "statistics", "tally"]),
    "cross_entropy_backward": Function(8, True, ["logits", "targets", "upstream", "gradient", "target_weights",
        "class_mask", "class_weights", "row_weights", "row_offsets", "statistics"]),
    "selected_log_probabilities": Function(9, False, ["logits", "targets", "log_probabilities", "gradient", "upstream",
        "class_mask", "sink", "row_offsets", "statistics"]),
    "selected_log_probabilities_backward": Function(10, False, ["logits", "targets", "gradient", "upstream",
        "class_mask", "row_offsets", "statistics"]),
    "kl_divergence": Function(11, False, ["logits", "teacher", "losses", "gradient", "class_mask", "row_weights",
        "tally"]),
    "jensen_shannon_divergence": Function(12, False, ["logits", "teacher", "losses", "gradient", "class_mask",
        "row_weights", "tally"]),
    "total_variation": Function(13, False, ["logits", "teacher", "losses", "gradient", "class_mask", "row_weights",
        "tally"]),
    "cross_entropy_hvp": Function(14, False, ["logits", "upstream", "output", "class_mask", "row_weights", "sink",
        "row_offsets"]),
    "sample": Function(15, False, ["logits", "tokens", "class_mask", "bias", "prompt_tokens", "output_tokens",
        "processed_log_probabilities", "kept", "kept_mask", "log_probabilities", "ranks", "entropies", "top_classes",
        "top_log_probabilities", "workspace", "gathered", "states"]),
    "binary_cross_entropy": Function(16, False, ["logits", "targets", "losses", "gradient", "element_weights",
        "positive_weights", "tally"]),
    "linear_cross_entropy": Function(17, False, ["hidden", "weights", "bias", "logits", "targets", "target_weights",
        "class_mask", "class_weights", "row_weights", "sink", "losses", "log_sum_exp", "hits", "log_probabilities",
        "argmax", "ranks", "entropies", "top_classes", "top_log_probabilities", "target_gradient", "hidden_gradient",
        "weights_gradient", "bias_gradient", "statistics", "tally", "workspace"]),
    "linear_cross_entropy_backward": Function(18, True, ["hidden", "weights", "bias", "logits", "targets",
        "target_weights", "class_mask", "class_weights", "row_weights", "upstream", "hidden_gradient",
        "weights_gradient", "bias_gradient", "statistics", "workspace"]),
    "linear_states": Function(19, True, ["hidden", "weights", "bias", "targets", "target_weights", "class_mask",
        "class_weights", "statistics", "states", "workspace"]),
    "forward_states": Function(20, True, ["logits", "targets", "class_mask", "target_weights", "class_weights",
        "statistics", "states"]),
    "backward_states": Function(21, True, ["output", "upstream", "class_mask", "states"]),
    "finish": Function(22, False, ["targets", "losses", "log_sum_exp", "hits", "class_weights", "row_weights", "sink",
        "states", "statistics", "tally"]),
}
