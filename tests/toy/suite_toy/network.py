"""The toy's network: letter embeddings, mean, one hidden layer with dropout."""

import torch
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class ToyNetworkConfig(PretrainedConfig):
    model_type = "suite_toy"
    width: int = 16
    dropout: float = 0.1


class ToyNetwork(PreTrainedModel):
    config_class = ToyNetworkConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(27, config.width, padding_idx=0)
        self.hidden = torch.nn.Linear(config.width, config.width)
        self.dropout = torch.nn.Dropout(config.dropout)
        self.head = torch.nn.Linear(config.width, 2)
        self.post_init()

    def _init_weights(self, module):
        pass

    def forward(self, input_ids, labels=None):
        there = (input_ids > 0).unsqueeze(-1)
        mean = (self.embed(input_ids) * there).sum(1) / there.sum(1).clamp(min=1)
        logits = self.head(self.dropout(torch.relu(self.hidden(mean))))
        loss = None if labels is None else torch.nn.functional.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)
