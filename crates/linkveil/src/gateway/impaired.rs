//! `[debug.impair]`: a bad network between the underlay and this gateway.

use linkveil_net::impair::Stream;
use linkveil_net::udp::MAX_LANES;
use linkveil_net::{ImpairConfig, Impaired, Impairment, LinuxUdp};
use linkveil_sa::Path;

/// The engine of the control sockets; those of the data sockets have the streams above it.
const CONTROL: u32 = 0;

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
