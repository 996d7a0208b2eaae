//! `[debug.impair]`: a bad network between the underlay and this gateway.

use linkveil_net::impair::Stream;
use linkveil_net::interface::HardwareAddress;
use linkveil_net::packet::LinuxPort;
use linkveil_net::udp::MAX_LANES;
use linkveil_net::{ImpairConfig, Impaired, ImpairedPort, Impairment, LinuxUdp};
use linkveil_sa::Path;

/// The engine of the control sockets; those of the data sockets have the streams above it.
const CONTROL: u32 = 0;

/// Above the streams of all data sockets: first the one of a protected port's control frames, then those of its lanes.
const PORTS: u32 = 1 << 16;

/// Says loudly that this gateway is not what it should be.
fn announce(config: &ImpairConfig) {
    tracing::warn!(
        seed = config.seed.get(),
        loss = %config.loss,
        duplicate = %config.duplicate,
        reorder = %config.reorder,
        corrupt = %config.corrupt,
        delay_ms = config.delay.as_millis(),
        jitter_ms = config.jitter.as_millis(),
        "[debug.impair] is on: what arrives is lost, delayed or broken on purpose"
    );
}

/// An engine for all control sockets.
pub(super) fn control(config: ImpairConfig) -> Impairment<Path> {
    Impairment::new(config, Stream::new(CONTROL))
}

/// An engine around each data socket; `sockets` has for each listen address one per lane. The log says so.
pub(super) fn data(
    sockets: Vec<Vec<LinuxUdp>>,
    config: ImpairConfig,
) -> Vec<Vec<Impaired<LinuxUdp>>> {
    announce(&config);
    let rows = (CONTROL + 1..).step_by(MAX_LANES).zip(sockets);
    let impaired = |(first, row): (u32, Vec<LinuxUdp>)| {
        let numbered = (first..).zip(row);
        numbered
            .map(|(stream, socket)| Impaired::new(socket, config, Stream::new(stream)))
            .collect()
    };
    rows.map(impaired).collect()
}

/// An engine for the control frames of a protected port.
pub(super) fn port_control(config: ImpairConfig, number: usize) -> Impairment<HardwareAddress> {
    Impairment::new(config, Stream::new(first_of_port(number)))
}

/// An engine around each queue of a protected port.
pub(super) fn ports(
    queues: Vec<LinuxPort>,
    config: ImpairConfig,
    number: usize,
) -> Vec<ImpairedPort<LinuxPort>> {
    announce(&config);
    let numbered = (first_of_port(number) + 1..).zip(queues);
    numbered
        .map(|(stream, queue)| ImpairedPort::new(queue, config, Stream::new(stream)))
        .collect()
}

fn first_of_port(number: usize) -> u32 {
    let streams = number * (MAX_LANES + 1);
    PORTS + u32::try_from(streams).unwrap_or_default()
}

/// What an engine did, by name; nothing and all the names without one.
pub(super) fn counters<M: Clone>(
    engine: Option<&Impairment<M>>,
) -> impl Iterator<Item = (String, u64)> + use<M> {
    let counts = engine.map(Impairment::counts).unwrap_or_default();
    let named = counts.dropped().into_iter().chain(counts.altered());
    named.map(|(name, count)| (name.to_owned(), count))
}
