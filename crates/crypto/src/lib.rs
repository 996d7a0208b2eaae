//! AEAD, key schedule and key types, one file per backend library.
