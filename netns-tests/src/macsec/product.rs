//! Our side as users have it: `linkveil up` with a `[[macsec]]` table and static keys.

use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::keys;
use crate::macsec::config::Place;
use crate::macsec::plan::LinkPlan;
use crate::macsec::side::{Counts, Side};
use crate::netns::Namespace;
use crate::status::MacsecStatus;

/// The device for plain frames.
const DEVICE: &str = "lv-trunk";

/// See the module's text. Ends on drop.
#[derive(Debug)]
pub struct GatewaySide {
    // First, so that it ends before its files and namespaces go.
    gateway: Option<Gateway>,
    site: Namespace,
    host: String,
    port: String,
    folder: TempDir,
}

impl GatewaySide {
    /// Starts it on the device `port` of the namespace `host`.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start(host: &Namespace, port: &str, plan: &LinkPlan) -> Self {
        let folder = TempDir::new().unwrap();
        keys::write_secret(&folder.path().join("node.key"), &keys::generate());
        let mut side = Self {
            gateway: None,
            site: Namespace::new("site"),
            host: host.name().to_owned(),
            port: port.to_owned(),
            folder,
        };
        side.restart(host, plan);
        side
    }

    /// Ends it and starts it anew: keys that are written down change in no other way.
    ///
    /// # Panics
    ///
    /// If it does not end or start.
    pub fn restart(&mut self, host: &Namespace, plan: &LinkPlan) {
        assert_eq!(host.name(), self.host);
        if let Some(gateway) = self.gateway.take() {
            assert!(gateway.terminate().success());
        }
        let config = self.config(plan);
        let folder = self.folder.path();
        self.gateway = Some(Gateway::start("gw-ours", host, folder, &config));
    }

    fn config(&self, plan: &LinkPlan) -> String {
        let socket = Gateway::control_socket_in(self.folder.path());
        plan.gateway_config(&Place {
            port: &self.port,
            device: DEVICE,
            netns: self.site.name(),
            control_socket: &socket.to_string_lossy(),
        })
    }

    /// The association under which it sends.
    #[must_use]
    pub fn encoding_an(&self) -> Option<u8> {
        self.port().tx.first()?.encoding_an
    }

    fn port(&self) -> MacsecStatus {
        let mut status = self.gateway.as_ref().unwrap().status();
        status.macsec.remove(0)
    }
}

impl Side for GatewaySide {
    fn site(&self) -> &Namespace {
        &self.site
    }

    fn device(&self) -> &str {
        DEVICE
    }

    fn counts(&self) -> Counts {
        let port = self.port();
        let mut counts = port.secy;
        let channels = port.tx.into_iter().chain(port.rx);
        for (name, count) in channels.flat_map(|channel| channel.counters) {
            *counts.entry(name).or_default() += count;
        }
        counts
    }
}
