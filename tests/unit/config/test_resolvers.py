from __future__ import annotations

from omegaconf import OmegaConf

from etcd_factory.config.resolvers import register_resolver


def test_a_resolver_gets_its_arguments_and_may_be_cached():
    calls = []
    register_resolver("ours", lambda *given: calls.append(given) or "x", use_cache=True)
    try:
        tree = OmegaConf.create({"a": "${ours:k,1}"})
        assert (tree.a, tree.a, calls) == ("x", "x", [("k", 1)])
    finally:
        OmegaConf.clear_resolver("ours")
