//! WireGuard, in the kernel and in user space: the same keys and the same `wg`.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use linkveil_crypto::{StaticSecret, SystemRandom};

use super::{Context, Run, Side, Tunnel, address};
use crate::net::error::NetError;
use crate::net::process::Process;

/// What WireGuard's own tools leave: 40 + 8 + 32 bytes, enough for an underlay of IPv6 (wg-quick(8)).
const OVERHEAD: u32 = 80;
const PORT: u16 = 51_820;
const TIMEOUT: Duration = Duration::from_secs(10);
const KERNEL_DEVICE: &str = "wg0";

/// A daemon that implements WireGuard's userspace interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Daemon {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

pub(super) const GO: Daemon = Daemon {
    name: "wireguard-go",
    program: "wireguard-go",
    arguments: &["--foreground"],
};

pub(super) const BORINGTUN: Daemon = Daemon {
    name: "boringtun",
    program: "boringtun-cli",
    arguments: &["--foreground", "--disable-drop-privileges"],
};

pub(super) const GOTATUN: Daemon = Daemon {
    name: "gotatun",
    program: "gotatun",
    arguments: &["--foreground", "--disable-drop-privileges"],
};

/// Both daemons have their sockets in one folder, so the devices' names must differ, also from those of other runs.
fn device_of(side: Side) -> String {
    format!("wg{}{}", std::process::id(), side.letter())
}

fn socket_of(side: Side) -> PathBuf {
    PathBuf::from(format!("/var/run/wireguard/{}.sock", device_of(side)))
}

/// Some daemons leave their socket behind, which looks like a daemon to the next one's `wg`.
pub(super) fn remove_socket(side: Side) {
    let _was_not_there = fs::remove_file(socket_of(side));
}

pub(super) fn start<'a>(context: &Context<'a>, daemon: Daemon) -> Result<Tunnel<'a>, NetError> {
    let mut daemons: Vec<Process> = Vec::new();
    for side in Side::ALL {
        let device = device_of(side);
        remove_socket(side);
        let arguments: Vec<&str> = daemon
            .arguments
            .iter()
            .copied()
            .chain([device.as_str()])
            .collect();
        daemons.push(
            context
                .hosts
                .start(side, daemon.name, daemon.program, &arguments)?,
        );
    }
    let tunnel = Tunnel::of_daemons(context, &device_of(Side::A), daemons);
    for side in Side::ALL {
        let answers = || Ok(UnixStream::connect(socket_of(side)).is_ok());
        context
            .hosts
            .await_that(daemon.name, TIMEOUT, context.stop, answers)?;
    }
    configure(context, device_of)?;
    Ok(tunnel)
}

pub(super) fn start_kernel<'a>(context: &Context<'a>) -> Result<Tunnel<'a>, NetError> {
    let tunnel = Tunnel::of_kernel(context, KERNEL_DEVICE);
    for side in Side::ALL {
        context
            .hosts
            .ip(side, &format!("link add {KERNEL_DEVICE} type wireguard"))?;
    }
    configure(context, |_| KERNEL_DEVICE.to_owned())?;
    Ok(tunnel)
}

/// New keys for both sides, then addresses and routes.
fn configure(context: &Context<'_>, device_of: impl Fn(Side) -> String) -> Result<(), NetError> {
    let secrets = Side::ALL.map(|_| StaticSecret::generate(&mut SystemRandom));
    let [a, b] = &secrets;
    for (side, own, other) in [(Side::A, a, b), (Side::B, b, a)] {
        let (device, letter) = (device_of(side), side.letter());
        let key = context.write(&format!("wireguard-{letter}.key"), &own.to_base64())?;
        let arguments = format!(
            "set {device} listen-port {PORT} private-key {} peer {} allowed-ips {} endpoint {}:{PORT}",
            key.display(),
            other.public(),
            side.other().inner_prefix(),
            side.other().underlay(),
        );
        let run = Run {
            side,
            program: "wg",
            arguments: &arguments,
            limit: TIMEOUT,
        };
        context.hosts.run(&run, context.stop)?;
        address(context, side, &device, context.mtu_after(OVERHEAD))?;
    }
    Ok(())
}
