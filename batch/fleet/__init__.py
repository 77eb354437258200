"""One job on many machines: a folder that they share, a lease for each shard, and who runs them."""
