"""carat-point's forward pass for training: the same parameters as transformers' model, more than twice as fast on a CPU.

Weights and activations of the matrix products are bf16, everything else float32; what lies between two products is
compiled into one loop. check_net.py compares it with transformers. Masks are the reference's (behaviour R of the
specification: a picture's patches see each other in the sliding layers only).
"""

import torch
import torch._dynamo
import torch.nn.functional as F

from data import FRAME, PATCH

EPSILON = 1e-6
# Two kinds of layers, and one compilation for each relation that the compiler finds between batch and length.
torch._dynamo.config.recompile_limit = 64


def rms_norm(x, weight=None):
    x = x.float()
    x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON)
    return x if weight is None else x * weight


def linear(x, weight, bias=None):
    bias = None if bias is None else bias.to(torch.bfloat16)
    return F.linear(x.to(torch.bfloat16), weight.to(torch.bfloat16), bias)


def rotate(x, cos, sin):
    low, high = x.chunk(2, -1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), -1)


def projected_keys(y, wk, wv, k_norm, cos, sin):
    """Keys and values [batch, length, size] of normed rows; without wv values are the unscaled keys."""
    batch, length, _ = y.shape
    k = linear(y, wk).view(batch, length, 1, -1)
    v = k if wv is None else linear(y, wv).view(batch, length, 1, -1)
    k = rotate(rms_norm(k, k_norm), cos, sin).to(torch.bfloat16)
    return k.view(batch, length, -1), rms_norm(v).to(torch.bfloat16).view(batch, length, -1)


def attend(y, k, v, hidden, cos, sin, wq, wo, q_norm):
    """Attention of normed rows [batch, queries, hidden] over keys. hidden: [batch, queries, 1, length], added to the
    scores."""
    batch, queries, _ = y.shape
    size = q_norm.shape[0]
    q = linear(y, wq).view(batch, queries, -1, size)
    heads = q.shape[2]
    q = rotate(rms_norm(q, q_norm), cos, sin).to(torch.bfloat16).reshape(batch, queries * heads, size)
    scores = torch.bmm(q, k.transpose(1, 2)).view(batch, queries, heads, -1).float() + hidden
    shares = torch.softmax(scores, -1).to(torch.bfloat16).view(batch, queries * heads, -1)
    return linear(torch.bmm(shares, v).view(batch, queries, heads * size), wo)


def finished(x, attention, norm_attention, norm_mlp, gate, up, down, norm_out, scalar):
    """What a layer does after its attention."""
    x = x + rms_norm(attention, norm_attention)
    y = rms_norm(x, norm_mlp).to(torch.bfloat16)
    y = F.gelu(linear(y, gate), approximate="tanh") * linear(y, up)
    return (x + rms_norm(linear(y, down), norm_out)) * scalar


def layer(x, hidden, cos, sin, norm_in, wq, wo, q_norm, wk, wv, k_norm, *rest):
    """One decoder layer of the target. x: [batch, length, hidden]."""
    y = rms_norm(x, norm_in).to(torch.bfloat16)
    k, v = projected_keys(y, wk, wv, k_norm, cos, sin)
    return finished(x, attend(y, k, v, hidden, cos, sin, wq, wo, q_norm), *rest)


def draft_layer(x, k, v, hidden, cos, sin, norm_in, wq, wo, q_norm, *rest):
    """One layer of the drafter, over the target's keys and values. x: [batch, queries, hidden]."""
    y = rms_norm(x, norm_in).to(torch.bfloat16)
    return finished(x, attend(y, k, v, hidden, cos, sin, wq, wo, q_norm), *rest)


def head_loss(y, table, cap, target):
    """The cross entropy of each row of normed hidden states."""
    logits = linear(y, table).float()
    if cap is not None:
        logits = cap * torch.tanh(logits / cap)
    return F.cross_entropy(logits, target, reduction="none")


def frequencies():
    """The angles per position of the sliding and of the global layers (specification, 4.4)."""
    sliding = 1 / 10000 ** (torch.arange(128) * 2 / 256)
    full = 1 / 1000000 ** (torch.arange(256) * 2 / 512)
    full[64:] = 0
    return sliding, full


def hidden_scores(blocks, window, literal=False):
    """What is added to the scores, sliding and global: 0 where a query sees the key, else very small.

    blocks: [batch, length], the number of the picture that a place belongs to, or -1. literal: behaviour L.
    """
    place = torch.arange(blocks.shape[1])
    back = place[:, None] - place[None]
    same = (blocks[:, :, None] == blocks[:, None]) & (blocks[:, :, None] >= 0)
    near, causal = back < window, back >= 0
    sliding = (causal & near) | same if literal else (causal | same) & near
    full = causal | same if literal else causal.expand_as(same)
    return [torch.zeros(seen.shape).masked_fill_(~seen, -1e30)[:, :, None] for seen in (sliding, full)]


def after_attention(block):
    """The parameters of finished()."""
    return (block.post_attention_layernorm.weight, block.pre_feedforward_layernorm.weight, block.mlp.gate_proj.weight,
            block.mlp.up_proj.weight, block.mlp.down_proj.weight, block.post_feedforward_layernorm.weight,
            block.layer_scalar)


class Net:
    """Runs transformers' Gemma4UnifiedForConditionalGeneration. `model` owns the parameters."""

    def __init__(self, model, compiled=True):
        self.model, self.text = model, model.model.language_model
        self.config = model.config.text_config
        self.layer = torch.compile(layer, dynamic=True) if compiled else layer
        self.head_loss = torch.compile(head_loss, dynamic=True) if compiled else head_loss
        self.frequencies = frequencies()

    def embed(self, batch):
        """The input rows: [batch, length, hidden]."""
        table = self.text.embed_tokens
        x = F.embedding(batch.ids, table.weight) * table.embed_scale
        if batch.patches is not None:
            x = x.masked_scatter((batch.kinds == PATCH)[..., None], self.see(batch.patches, batch.places))
        if batch.frames is not None:
            x = x.masked_scatter((batch.kinds == FRAME)[..., None], self.hear(batch.frames))
        return x

    def see(self, patches, places):
        """Pictures' patches [n, 6912] in 0..1 and their columns and rows [n, 2] to rows (specification, 5.6)."""
        m = self.model.model.embed_vision
        norm = lambda x, ln: F.layer_norm(x.float(), x.shape[-1:], ln.weight, ln.bias)
        y = norm(linear(norm(patches, m.patch_ln1), m.patch_dense.weight, m.patch_dense.bias), m.patch_ln2)
        y = norm(y + m.pos_embedding[places[:, 0], 0] + m.pos_embedding[places[:, 1], 1], m.pos_norm)
        return linear(rms_norm(y), m.multimodal_embedder.embedding_projection.weight).float()

    def hear(self, frames):
        """Sound [n, 640] to rows (specification, 6)."""
        return linear(rms_norm(frames), self.model.model.embed_audio.embedding_projection.weight).float()

    def turns(self, places):
        """The cosines and sines of each kind of layer at these places [...], each [..., 1, size / 2]."""
        return [((places[..., None, None] * f).cos(), (places[..., None, None] * f).sin()) for f in self.frequencies]

    def states(self, batch, literal=False, caches=None, inner=None):
        """Hidden states after the final norm. `caches`, a list, gets the keys and values that a drafter reads: of the last
        sliding and of the last global layer; `inner`, a list, what the global layers read."""
        x = self.embed(batch)
        hidden = hidden_scores(batch.blocks, self.config.sliding_window, literal)
        turns = self.turns(torch.arange(x.shape[1]).float())
        for number, (block, kind) in enumerate(zip(self.text.layers, self.config.layer_types)):
            full = kind == "full_attention"
            a = block.self_attn
            keys = (a.k_proj.weight, None if full else a.v_proj.weight, a.k_norm.weight)
            if inner is not None and full:
                inner.append(x)
            if caches is not None and number >= len(self.text.layers) - 2:
                y = rms_norm(x, block.input_layernorm.weight).to(torch.bfloat16)
                caches.append(projected_keys(y, *keys, *turns[full]))
            x = self.layer(x, hidden[full], *turns[full], block.input_layernorm.weight, a.q_proj.weight, a.o_proj.weight,
                           a.q_norm.weight, *keys, *after_attention(block))
        return rms_norm(x, self.text.norm.weight)

    def losses(self, batch, inner=None):
        """The loss of each predicted id with a weight, and these weights. `inner` as for states()."""
        chosen = batch.weights[:, 1:] > 0
        each = self.head_loss(self.states(batch, inner=inner)[:, :-1][chosen], self.text.embed_tokens.weight,
                              self.config.final_logit_softcapping, batch.ids[:, 1:][chosen])
        return each, batch.weights[:, 1:][chosen]
