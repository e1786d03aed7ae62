"""The network: what reaches its state, and what must not."""

import pytest
import torch

from sklstm.neural_network import LSTMModule


def make_module(**params):
    torch.manual_seed(0)
    return LSTMModule(3, 4, hidden_size=5, **params).eval()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_padding_never_changes_the_output(bidirectional, num_layers):
    module = make_module(bidirectional=bidirectional, num_layers=num_layers)
    values, lengths = torch.randn(6, 9, 3), torch.tensor([1, 3, 9, 5, 9, 2])
    noisy = values.clone()
    for i, length in enumerate(lengths):
        noisy[i, length:] = 1e3
    torch.testing.assert_close(
        module(values, lengths), module(noisy, lengths), rtol=0, atol=0
    )
    for i, length in enumerate(lengths):
        alone = module(values[i : i + 1, :length])
        torch.testing.assert_close(module(values, lengths)[i : i + 1], alone)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_full_lengths_equal_no_lengths(bidirectional):
    module = make_module(bidirectional=bidirectional, num_layers=2)
    values = torch.randn(4, 7, 3)
    full = torch.full((4,), 7)
    torch.testing.assert_close(module(values), module(values, full))


def test_a_bidirectional_net_uses_the_last_state_of_both_directions():
    module = make_module(bidirectional=True)
    values = torch.randn(1, 8, 3)
    _, (state, _) = module.lstm(values)
    expected = module.decode(torch.cat([state[0], state[1]], dim=-1))
    torch.testing.assert_close(module(values), expected)


@pytest.mark.parametrize("params", [{}, {"bidirectional": True}, {"num_layers": 3}])
def test_every_step_depends_on_the_newest_and_the_oldest_row(params):
    module = make_module(**params)
    for step in range(4):
        values = torch.randn(1, 6, 3, requires_grad=True)
        module(values)[0, step].backward()
        assert values.grad[0, -1].abs().min() > 0
        assert values.grad[0, 0].abs().min() > 0


def test_embeddings_reach_each_step_and_the_head():
    module = make_module(cardinalities=[5], embedding_dims=[2])
    codes = torch.ones(1, 6, 1, dtype=torch.long)
    assert module.lstm.input_size == 3 + 2
    assert module.output.in_features == 5 + 2
    base = module(torch.zeros(1, 6, 3), codes=codes)
    for step in (0, 5):
        other = codes.clone()
        other[0, step] = 2
        assert not torch.equal(base, module(torch.zeros(1, 6, 3), codes=other))
    # The head alone still tells codes apart when the state is cut off.
    module.output.weight.data[:, :5] = 0
    assert not torch.equal(
        module(torch.zeros(1, 6, 3), codes=codes),
        module(torch.zeros(1, 6, 3), codes=codes + 1),
    )


def test_head_embedding_is_that_of_the_last_observed_row():
    module = make_module(cardinalities=[5], embedding_dims=[2])
    codes = torch.tensor([[[1], [2], [4]]])
    lengths = torch.tensor([2])
    expected = module(torch.zeros(1, 2, 3), codes=codes[:, :2])
    torch.testing.assert_close(module(torch.zeros(1, 3, 3), lengths, codes), expected)


def test_dropout_acts_in_training_only():
    module = LSTMModule(3, 4, hidden_size=32, num_layers=2, dropout=0.5)
    values = torch.randn(2, 5, 3)
    assert not torch.equal(module(values), module(values))
    module.eval()
    assert torch.equal(module(values), module(values))


def test_a_hidden_head_layer_is_a_tanh():
    module = make_module(head_hidden_size=7)
    assert module.output.in_features == 7
    state = 1e6 * torch.ones(1, 5)
    assert module.hidden(state).abs().max() <= 1
