//! What is measured of every tunnel.

use crate::report::Better;

/// One figure of a tunnel. a is the side that `iperf3 -c` and `ping` run on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Measure {
    /// TCP, 1 flow, a to b.
    TcpOne,
    /// TCP, 1 flow, b to a.
    TcpOneBack,
    /// TCP, 4 flows, a to b.
    TcpFour,
    /// TCP, 4 flows, b to a.
    TcpFourBack,
    /// UDP with 64 bytes of payload, as fast as the sender can.
    UdpSmall,
    /// UDP with 1,300 bytes of payload, as fast as the sender can.
    UdpLarge,
    /// Half of the pings every 2 ms are back by then.
    PingMedian,
    /// 99 of 100 pings every 2 ms are back by then.
    PingP99,
    /// From one reply to the next while every request waits for a reply.
    PingPong,
    /// Processor time of both daemons for each GiB of TCP, 1 flow.
    Cpu,
    /// Memory of the larger daemon after all loads.
    Memory,
}

impl Measure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 11] = [
        Self::TcpOne,
        Self::TcpOneBack,
        Self::TcpFour,
        Self::TcpFourBack,
        Self::UdpSmall,
        Self::UdpLarge,
        Self::PingMedian,
        Self::PingP99,
        Self::PingPong,
        Self::Cpu,
        Self::Memory,
    ];

    /// Its name in JSON.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::TcpOne => "tcp_1_flow_gigabits_per_second",
            Self::TcpOneBack => "tcp_1_flow_back_gigabits_per_second",
            Self::TcpFour => "tcp_4_flows_gigabits_per_second",
            Self::TcpFourBack => "tcp_4_flows_back_gigabits_per_second",
            Self::UdpSmall => "udp_64_bytes_thousands_received_per_second",
            Self::UdpLarge => "udp_1300_bytes_gigabits_per_second",
            Self::PingMedian => "ping_p50_microseconds",
            Self::PingP99 => "ping_p99_microseconds",
            Self::PingPong => "ping_pong_microseconds",
            Self::Cpu => "daemons_cpu_seconds_per_gibibyte",
            Self::Memory => "daemon_resident_mebibytes",
        }
    }

    /// Its name in tables and pictures.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::TcpOne => "TCP 1 flow",
            Self::TcpOneBack => "TCP 1 flow back",
            Self::TcpFour => "TCP 4 flows",
            Self::TcpFourBack => "TCP 4 flows back",
            Self::UdpSmall => "UDP 64 B",
            Self::UdpLarge => "UDP 1300 B",
            Self::PingMedian => "ping p50",
            Self::PingP99 => "ping p99",
            Self::PingPong => "ping-pong",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::TcpOne
            | Self::TcpOneBack
            | Self::TcpFour
            | Self::TcpFourBack
            | Self::UdpLarge => "Gb/s",
            Self::UdpSmall => "k received/s",
            Self::PingMedian | Self::PingP99 | Self::PingPong => "us",
            Self::Cpu => "s/GiB",
            Self::Memory => "MiB",
        }
    }

    /// Decimals in tables.
    #[must_use]
    pub const fn decimals(self) -> usize {
        match self {
            Self::PingMedian | Self::PingP99 => 0,
            Self::UdpSmall | Self::PingPong | Self::Memory => 1,
            _ => 2,
        }
    }

    /// Which way is good.
    #[must_use]
    pub const fn better(self) -> Better {
        match self {
            Self::PingMedian | Self::PingP99 | Self::PingPong | Self::Cpu | Self::Memory => {
                Better::Lower
            }
            _ => Better::Higher,
        }
    }
}
