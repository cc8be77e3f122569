"""The drafter of carat-point: its sizes, its first weights, and its forward pass for many rounds at once."""

import torch
import torch.nn.functional as F
from transformers.models.gemma4_unified_assistant.configuration_gemma4_unified_assistant import (
    Gemma4UnifiedAssistantConfig)
from transformers.models.gemma4_unified_assistant.modeling_gemma4_unified_assistant import (
    Gemma4UnifiedAssistantForCausalLM)

import model as point
from net import after_attention, draft_layer, linear, rms_norm

HIDDEN = 128


def make_drafter(vocab, seed=2):
    """A float32 drafter with first weights."""
    text = {**point.TEXT, "model_type": "gemma4_unified_text", "vocab_size": len(vocab), "hidden_size": HIDDEN,
            "intermediate_size": 512, "num_hidden_layers": 4, "num_kv_shared_layers": 4, "final_logit_softcapping": None,
            "layer_types": ["sliding_attention"] * 3 + ["full_attention"]}
    config = Gemma4UnifiedAssistantConfig(backbone_hidden_size=point.HIDDEN, text_config=text, dtype="bfloat16",
                                          **{name: value for name, value in point.special_ids(vocab).items()
                                             if name != "video_token_id"})
    torch.manual_seed(seed)
    drafter = Gemma4UnifiedAssistantForCausalLM(config).float()
    point.first_weights(drafter)
    return drafter


class DraftNet:
    """Drafts from every chosen place of a batch at once. `net` is the target's Net."""

    def __init__(self, drafter, net, compiled=True):
        self.drafter, self.net = drafter, net
        self.layer = torch.compile(draft_layer, dynamic=True) if compiled else draft_layer
        self.window = drafter.config.get_text_config().sliding_window + 1  # specification, 10.4

    def hidden_scores(self, places, length):
        """What is added to the scores of queries at `places` [batch, queries]: they see the rows before their own."""
        back = places[..., None] - torch.arange(length)
        return [torch.zeros(seen.shape).masked_fill_(~seen, -1e30)[:, :, None]
                for seen in ((back > 0) & (back <= self.window), back > 0)]

    def begin(self, batch, places):
        """Runs the target: its hidden states; of them the rows that rounds at `places` [batch, queries] begin with; its
        caches; and the scores that are hidden."""
        caches = []
        with torch.no_grad():
            states = self.net.states(batch, caches=caches)
        rows = states.gather(1, (places - 1)[..., None].expand(-1, -1, states.shape[-1]))
        return states, rows, caches, self.hidden_scores(places, batch.ids.shape[1])

    def step(self, token_rows, states, caches, places, hidden):
        """One draft step (specification, 10.2 to 10.3). token_rows: the target's embedding of the last token, scaled;
        states: its normed hidden state, or what this gave before; both [batch, queries, target's hidden]. Returns the
        normed hidden state and the next `states`."""
        x = linear(torch.cat((token_rows, states), -1), self.drafter.pre_projection.weight).float()
        turns = self.net.turns(places.float())
        text = self.drafter.model
        for block, kind in zip(text.layers, self.drafter.config.get_text_config().layer_types):
            full = kind == "full_attention"
            a = block.self_attn
            x = self.layer(x, *caches[full], hidden[full], *turns[full], block.input_layernorm.weight, a.q_proj.weight,
                           a.o_proj.weight, a.q_norm.weight, *after_attention(block))
        y = rms_norm(x, text.norm.weight)
        return y, linear(y, self.drafter.post_projection.weight).float()

    def token_rows(self, ids):
        table = self.net.text.embed_tokens
        return F.embedding(ids, table.weight) * table.embed_scale

    def logits(self, y):
        return linear(y, self.drafter.model.embed_tokens.weight).float()
