//! The Noise handshake with its ML-KEM hybrid, as states consumed on success.
