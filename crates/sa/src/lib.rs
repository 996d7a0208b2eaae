//! Security associations: sealing with its packet number, opening with its replay window.
