//! Gateways between network namespaces, on real TUN devices and sockets.
