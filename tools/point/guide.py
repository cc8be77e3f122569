"""What training tells the model beside the answers: what each patch shows, and what is said in each sound.

An answer says little about a picture of seventy patches. Small heads on what the two global layers read name the shapes, colours
and letters of every patch, and spell the phonemes of every sound (connectionist temporal classification: Graves et al. 2006,
"Connectionist Temporal Classification"). They are thrown away after training.
"""

import torch
import torch.nn.functional as F

import model as point
from data import FRAME, PATCH
from net import rms_norm
from world.pictures import LABELS

SHARE = 0.5  # of the guide's loss in what is to go down
SIGNS = 128  # ASCII; 0 is the blank


class Guide(torch.nn.Module):
    def __init__(self, depths):
        """depths: how many layers have heads."""
        super().__init__()
        self.see = torch.nn.ModuleList(torch.nn.Linear(point.HIDDEN, len(LABELS)) for _ in range(depths))
        self.hear = torch.nn.ModuleList(torch.nn.Linear(point.HIDDEN, SIGNS) for _ in range(depths))
        for head in self.see:
            torch.nn.init.constant_(head.bias, -4.0)  # most labels are not there

    def forward(self, inner, batch):
        """The loss of all heads. inner: [batch, length, hidden] for each of the depths."""
        loss = torch.zeros(())
        for x, see, hear in zip(inner, self.see, self.hear, strict=True):
            if batch.labels is not None:
                named = see(rms_norm(x[batch.kinds == PATCH]))
                loss = loss + F.binary_cross_entropy_with_logits(named, batch.labels.float(), reduction="sum") / len(named)
            if batch.frames is not None:
                loss = loss + spelling_loss(hear(rms_norm(x[batch.kinds == FRAME])), batch.said)
        return loss


def spelling_loss(logits, said):
    """logits: [frames, SIGNS] of all sounds, one after the other. said: the signs and the frame count of each."""
    counts = torch.tensor([count for _, count in said])
    lengths = torch.tensor([len(signs) for signs, _ in said])
    signs = torch.tensor([ord(sign) for signs, _ in said for sign in signs])
    rows = torch.nn.utils.rnn.pad_sequence(logits.log_softmax(-1).split(counts.tolist()))
    return F.ctc_loss(rows, signs, counts, lengths, zero_infinity=True)
