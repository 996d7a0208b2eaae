//! The loads on a tunnel, one after the other.

use std::cell::Cell;
use std::time::Duration;

use super::error::NetError;
use super::hosts::{Hosts, Run, Side};
use super::measure::Measure;
use super::stop::Stop;
use super::tunnel::Tunnel;
use super::{iperf, ping};
use crate::stats::Quantile;

/// Loads that [`Load::measure`] puts on a tunnel: four of TCP, two of UDP, two of pings.
pub(super) const LOADS: u32 = 8;

const PORT: u16 = 5_201;
/// A ping every 2 ms.
const PINGS_PER_SECOND: u32 = 500;
/// How much longer than its load a program may take: connecting, and an exchange of results through a full tunnel.
const SLACK: Duration = Duration::from_secs(20);
const LISTENS_WITHIN: Duration = Duration::from_secs(5);

/// Where and how long.
#[derive(Clone, Debug)]
pub(super) struct Load<'a> {
    pub(super) hosts: &'a Hosts,
    pub(super) stop: &'a Stop,
    pub(super) seconds: u32,
    /// Loads that had to be put on twice.
    pub(super) repeated: Cell<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    There,
    Back,
}

impl Load<'_> {
    /// Everything in [`Measure::ALL`] that the tunnel has.
    pub(super) fn measure(&self, tunnel: &Tunnel) -> Result<Vec<(Measure, f64)>, NetError> {
        let target = tunnel.target();
        let before = tunnel.cpu_seconds();
        let one = self.tcp(target, 1, Flow::There)?;
        let one_back = self.tcp(target, 1, Flow::Back)?;
        let after = tunnel.cpu_seconds();
        let four = self.tcp(target, 4, Flow::There)?;
        let four_back = self.tcp(target, 4, Flow::Back)?;
        let small = self.udp(target, 64)?;
        let large = self.udp(target, 1_300)?;
        let idle = self.idle_pings(target)?;
        let mut measured = vec![
            (Measure::TcpOne, one.bits_per_second / 1e9),
            (Measure::TcpOneBack, one_back.bits_per_second / 1e9),
            (Measure::TcpFour, four.bits_per_second / 1e9),
            (Measure::TcpFourBack, four_back.bits_per_second / 1e9),
            (Measure::UdpSmall, small / 1e3),
            (Measure::UdpLarge, large * 1_300.0 * 8.0 / 1e9),
            (Measure::PingPong, self.ping_pong(target)?),
        ];
        let quantile = |quantile: Quantile| quantile.of(&idle);
        measured.extend(quantile(Quantile::MEDIAN).map(|time| (Measure::PingMedian, time)));
        measured.extend(quantile(Quantile::P99).map(|time| (Measure::PingP99, time)));
        let gibibytes = (one.bytes + one_back.bytes) / f64::from(1 << 30);
        let cpu = before
            .zip(after)
            .map(|(before, after)| (after - before) / gibibytes);
        measured.extend(cpu.map(|cpu| (Measure::Cpu, cpu)));
        measured.extend(
            tunnel
                .resident_mebibytes()
                .map(|memory| (Measure::Memory, memory)),
        );
        measured.sort_by_key(|(measure, _)| *measure);
        Ok(measured)
    }

    fn tcp(&self, target: &str, flows: u32, flow: Flow) -> Result<iperf::Stream, NetError> {
        let back = match flow {
            Flow::There => "",
            Flow::Back => " --reverse",
        };
        let arguments = format!("--client {target} --parallel {flows}{back}");
        self.iperf3(&arguments, iperf::tcp)
    }

    /// Datagrams received in a second.
    fn udp(&self, target: &str, payload: u32) -> Result<f64, NetError> {
        let arguments = format!("--client {target} --udp --bitrate 0 --length {payload}");
        let datagrams = self.iperf3(&arguments, iperf::udp)?;
        Ok(datagrams.received_per_second)
    }

    /// iperf3 exchanges results through the very tunnel that it has just flooded, which may fail. Once more, then.
    fn iperf3<T>(
        &self,
        arguments: &str,
        read: impl Fn(&str) -> Result<T, NetError>,
    ) -> Result<T, NetError> {
        let attempt = || read(&self.iperf3_once(arguments)?);
        match attempt() {
            Err(NetError::Refused { .. } | NetError::Unreadable { .. } | NetError::Late { .. }) => {
                self.repeated.set(self.repeated.get() + 1);
                attempt()
            }
            first => first,
        }
    }

    fn iperf3_once(&self, arguments: &str) -> Result<String, NetError> {
        let port = PORT.to_string();
        let mut server = self.hosts.start(
            Side::B,
            "iperf3-server",
            "iperf3",
            &["--server", "--one-off", "--port", &port],
        )?;
        let listens = || self.hosts.listens(Side::B, PORT);
        self.hosts
            .await_that("iperf3-server", LISTENS_WITHIN, self.stop, listens)?;
        let arguments = format!("{arguments} --port {port} --time {} --json", self.seconds);
        let output = self.run("iperf3", &arguments)?;
        // It ends by itself after one test; what does not is ended with its value.
        self.stop.wait(server.child(), LISTENS_WITHIN)?;
        Ok(output)
    }

    fn idle_pings(&self, target: &str) -> Result<Vec<f64>, NetError> {
        let count = self.seconds * PINGS_PER_SECOND;
        ping::round_trips(&self.run("ping", &format!("-n -i 0.002 -c {count} {target}"))?)
    }

    fn ping_pong(&self, target: &str) -> Result<f64, NetError> {
        ping::exchange(&self.run("ping", &format!("-n -q -A -w {} {target}", self.seconds))?)
    }

    fn run(&self, program: &'static str, arguments: &str) -> Result<String, NetError> {
        let run = Run {
            side: Side::A,
            program,
            arguments,
            limit: Duration::from_secs(self.seconds.into()) + SLACK,
        };
        self.hosts.run(&run, self.stop)
    }
}
