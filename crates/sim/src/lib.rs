//! Virtual clock, lossy links and worlds of several gateways, for tests.
