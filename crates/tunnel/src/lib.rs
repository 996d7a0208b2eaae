//! Sans-IO control core: peers, epochs, timers and routes.
