#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes llama.gguf, a small language model of the Llama architecture, as engines read it: trained on the
LICENSE of this repository, its weights as Q8_0, with a byte-level BPE tokenizer. Needs torch, tokenizers and
gguf; run by hand, the file is kept.
"""

import json
import math
import pathlib

import gguf
import tokenizers
import torch
from torch.nn import functional

HERE = pathlib.Path(__file__).parent
TEXT = " ".join((HERE / "../../LICENSE").read_text().split())
END = "<|endoftext|>"
VOCABULARY, CONTEXT = 384, 256
WIDTH, LAYERS, HIDDEN = 64, 2, 128
HEADS, KEY_HEADS = 4, 2
HEAD = WIDTH // HEADS
EPSILON, BASE = 1e-5, 10000.0
STEPS, BATCH, LENGTH = 500, 16, 112


def train_tokenizer():
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        [TEXT],
        tokenizers.trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[END],
            initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return tokenizer


def new_weights():
    """By the names that GGUF has for them."""
    shapes = {"token_embd": (VOCABULARY, WIDTH), "output_norm": (WIDTH,)}
    for layer in range(LAYERS):
        for name, shape in {
            "attn_norm": (WIDTH,),
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (KEY_HEADS * HEAD, WIDTH),
            "attn_v": (KEY_HEADS * HEAD, WIDTH),
            "attn_output": (WIDTH, WIDTH),
            "ffn_norm": (WIDTH,),
            "ffn_gate": (HIDDEN, WIDTH),
            "ffn_up": (HIDDEN, WIDTH),
            "ffn_down": (WIDTH, HIDDEN),
        }.items():
            shapes[f"blk.{layer}.{name}"] = shape
    return {
        name: (torch.ones(shape) if len(shape) == 1 else torch.randn(shape) / math.sqrt(shape[1])).requires_grad_()
        for name, shape in shapes.items()
    }


def rotate(x):
    """Rotary positions of [batch, heads, places, HEAD]: elements 2i and 2i + 1 are a pair."""
    angles = torch.arange(x.shape[2])[:, None] * BASE ** (-torch.arange(0, HEAD, 2) / HEAD)
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


def logits(weights, tokens):
    def norm(x, name):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON) * weights[name]

    def heads(x, count):
        return x.unflatten(-1, (count, HEAD)).transpose(1, 2)

    x = weights["token_embd"][tokens]
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        y = norm(x, at + "attn_norm")
        q = rotate(heads(y @ weights[at + "attn_q"].T, HEADS))
        k = rotate(heads(y @ weights[at + "attn_k"].T, KEY_HEADS))
        v = heads(y @ weights[at + "attn_v"].T, KEY_HEADS)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + y.transpose(1, 2).flatten(-2) @ weights[at + "attn_output"].T
        y = norm(x, at + "ffn_norm")
        y = functional.silu(y @ weights[at + "ffn_gate"].T) * (y @ weights[at + "ffn_up"].T)
        x = x + y @ weights[at + "ffn_down"].T
    return norm(x, "output_norm") @ weights["token_embd"].T


def train(tokens, end):
    torch.manual_seed(1)
    weights = new_weights()
    optimizer = torch.optim.AdamW(weights.values(), lr=3e-3, weight_decay=0.5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        starts = torch.randint(0, len(tokens) - LENGTH, (BATCH,))
        batch = torch.stack([tokens[start : start + LENGTH + 1] for start in starts])
        batch[:, 0] = end  # as a prompt begins
        loss = functional.cross_entropy(logits(weights, batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return {name: value.detach() for name, value in weights.items()}


def write(path, tokenizer, weights):
    file = gguf.GGUFWriter(path, "llama")
    file.add_name("A language model of the license of Xent")
    file.add_license("Apache-2.0")
    file.add_context_length(CONTEXT)
    file.add_embedding_length(WIDTH)
    file.add_block_count(LAYERS)
    file.add_feed_forward_length(HIDDEN)
    file.add_head_count(HEADS)
    file.add_head_count_kv(KEY_HEADS)
    file.add_layer_norm_rms_eps(EPSILON)
    file.add_rope_dimension_count(HEAD)
    file.add_rope_freq_base(BASE)
    file.add_vocab_size(VOCABULARY)
    file.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)

    numbers = tokenizer.get_vocab()
    names = sorted(numbers, key=numbers.get)
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("gpt-2")
    file.add_token_list(names)
    file.add_token_types([gguf.TokenType.CONTROL if name == END else gguf.TokenType.NORMAL for name in names])
    file.add_token_merges([" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]])
    file.add_bos_token_id(numbers[END])
    file.add_eos_token_id(numbers[END])

    for name, value in weights.items():
        array = value.numpy()
        if array.ndim == 1:
            file.add_tensor(name + ".weight", array)
        else:
            packed = gguf.quants.quantize(array, gguf.GGMLQuantizationType.Q8_0)
            file.add_tensor(name + ".weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def main():
    tokenizer = train_tokenizer()
    end = tokenizer.token_to_id(END)
    tokens = torch.tensor([end, *tokenizer.encode(TEXT).ids, end])
    write(HERE / "llama.gguf", tokenizer, train(tokens, end))


if __name__ == "__main__":
    main()
