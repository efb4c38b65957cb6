#!/usr/bin/env python3
"""Writes tests/golden/contrastive/losses.json: vectors of texts, and what the losses of sentence-transformers and torch say of them.

Run:  .deps/oracles/bin/python tests/golden/contrastive/make_contrastive.py     (the environment of scripts/oracles)

"losses": [{kind, scale, symmetric, texts_a_sample, scores, features, loss, gradient}], features and gradient [samples x texts, D] with the texts of a
sample one behind the other, as graft has them; the references take a matrix for each place. "ranks": {features, ranks, cosines} of pairs, by
InformationRetrievalEvaluator's order of all positives.
"""
import json
import os

import numpy as np
import sentence_transformers
import torch
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.util import cos_sim

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20231)


def features_of(samples, texts, width, noise=0.6):
    """Texts of a sample lie near each other, further ones less so."""
    centres = rng.normal(0, 1, (samples, 1, width))
    spread = noise * (1 + np.arange(texts)).reshape(1, texts, 1)
    return torch.tensor(np.float32(centres + spread * rng.normal(0, 1, (samples, texts, width)))).reshape(-1, width)


def numbers(tensor):
    """Nine digits are all that a float32 has."""
    return [numbers(row) for row in tensor] if tensor.dim() > 1 else [float(f"{value:.9g}") for value in tensor.tolist()]


def case(kind, loss, features, texts, scores=None, **facts):
    x = features.clone().requires_grad_(True)
    columns = list(x.view(-1, texts, x.shape[1]).unbind(1))
    labels = None if scores is None else torch.tensor(scores, dtype=torch.float32)
    value = loss.compute_loss_from_embeddings(columns, labels)
    value.backward()
    return dict(kind=kind, texts_a_sample=texts, scores=scores, features=numbers(features), loss=value.item(), gradient=numbers(x.grad), **facts)


def contrastive(samples, texts, width, scale, symmetric):
    options = dict(directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction") if symmetric else {}
    loss = losses.MultipleNegativesRankingLoss(model=None, scale=scale, **options)
    return case("contrastive", loss, features_of(samples, texts, width), texts, scale=scale, symmetric=symmetric)


def main():
    torch.manual_seed(0)
    cases = [contrastive(8, texts, 12, scale, symmetric) for texts in (2, 3, 5) for scale in (20.0, 5.0) for symmetric in (False, True)]
    cases.append(contrastive(1, 2, 6, 20.0, False))  # nothing to tell apart
    for scores in (rng.uniform(0, 1, 9), rng.integers(0, 3, 9) / 2, np.ones(9)):  # with ties, and without any order
        scores = [float(s) for s in np.float32(scores)]
        features = features_of(9, 2, 10, 1.0)
        cases.append(case("cosent", losses.CoSENTLoss(model=None, scale=20.0), features, 2, scores, scale=20.0, symmetric=False))
        cases.append(case("cosine", losses.CosineSimilarityLoss(model=None), features, 2, scores, scale=20.0, symmetric=False))

    features = features_of(40, 2, 8, 0.9)
    cosines = cos_sim(*features.view(-1, 2, 8).unbind(1))
    ranks = (cosines >= cosines.diagonal().unsqueeze(1)).sum(1)
    assert ranks.min() == 1 and ranks.max() > 10, ranks
    out = dict(sentence_transformers=sentence_transformers.__version__, torch=torch.__version__, losses=cases,
               ranks=dict(features=numbers(features), ranks=ranks.tolist(), cosines=numbers(cosines.diagonal())))
    with open(os.path.join(HERE, "losses.json"), "w") as file:
        json.dump(out, file)
        file.write("\n")
    print(f"{len(cases)} losses, ranks of {len(ranks)} pairs")


if __name__ == "__main__":
    main()
