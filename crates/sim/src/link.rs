//! The underlay between gateways: what becomes of each datagram, drawn from a seed or scripted.

use crate::random::{Chance, SimRandom};
use linkveil_wire::link::{MessageType, message_type};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Longest data datagram that carries a link control frame, in bytes. Every inner packet of a world
/// makes a longer one (see [`crate::packet::MIN_PACKET_LEN`]), so the link can tell them apart
/// although both are sealed.
pub const MAX_CONTROL_DATAGRAM_LEN: usize = linkveil_wire::link::HEADER_LEN
    + linkveil_wire::control::MAX_CONTROL_LEN
    + linkveil_wire::link::TAG_LEN;

const _: () = assert!(
    crate::packet::MIN_PACKET_LEN + linkveil_wire::geneve::ENCAP_LEN
        > linkveil_wire::control::MAX_CONTROL_LEN
);

/// One gateway of a world: its place in the world's list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GatewayId(pub usize);

/// What a datagram is, as far as one can see without keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// First handshake message.
    Initiation,
    /// Second handshake message.
    Response,
    /// A cookie.
    CookieReply,
    /// A sealed link control frame, by its length.
    Control,
    /// A sealed inner packet, by its length.
    Data,
    /// Nothing of the protocol.
    Unknown,
}

impl Class {
    /// The class of a datagram.
    #[must_use]
    pub fn of(datagram: &[u8]) -> Self {
        match message_type(datagram) {
            Ok(MessageType::Initiation) => Self::Initiation,
            Ok(MessageType::Response) => Self::Response,
            Ok(MessageType::CookieReply) => Self::CookieReply,
            Ok(MessageType::Data) if datagram.len() <= MAX_CONTROL_DATAGRAM_LEN => Self::Control,
            Ok(MessageType::Data) => Self::Data,
            Err(_) => Self::Unknown,
        }
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gateway {}", self.0)
    }
}

/// How the link treats datagrams for which no rule is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weather {
    /// A datagram is lost.
    pub loss: Chance,
    /// A datagram arrives twice, the second time like a reordered one.
    pub duplication: Chance,
    /// A datagram takes up to [`Self::detour`] longer, and so others overtake it.
    pub reordering: Chance,
    /// A copy of a datagram arrives with a flipped bit, or cut, or with a byte too many.
    pub corruption: Chance,
    /// What every datagram takes.
    pub delay: Duration,
    /// What a reordered or duplicated one takes on top, at most.
    pub detour: Duration,
}

impl Weather {
    /// Everything arrives, once, in order, after 5 ms.
    pub const FAIR: Self = Self {
        loss: Chance::NEVER,
        duplication: Chance::NEVER,
        reordering: Chance::NEVER,
        corruption: Chance::NEVER,
        delay: Duration::from_millis(5),
        detour: Duration::ZERO,
    };

    /// Loses nothing, but a fifth of the datagrams arrives late and a tenth twice.
    pub const UNORDERED: Self = Self {
        duplication: Chance::per_mille(100),
        reordering: Chance::per_mille(200),
        detour: Duration::from_millis(80),
        ..Self::FAIR
    };

    /// As [`Self::UNORDERED`], and every tenth datagram is lost.
    pub const FOUL: Self = Self {
        loss: Chance::per_mille(100),
        ..Self::UNORDERED
    };

    /// Everything at once: a third is lost, a tenth damaged, and some are seconds late.
    pub const STORM: Self = Self {
        loss: Chance::per_mille(300),
        duplication: Chance::per_mille(200),
        reordering: Chance::per_mille(300),
        corruption: Chance::per_mille(100),
        delay: Duration::from_millis(30),
        detour: Duration::from_secs(3),
    };
}

/// What a rule does to a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// It never arrives.
    Lose,
    /// It arrives this much later than it would have.
    Delay(Duration),
}

/// An exception from the weather for the next datagrams of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Who sends them.
    pub from: GatewayId,
    /// What they are.
    pub class: Class,
    /// What becomes of them.
    pub treatment: Treatment,
    /// For how many of them; then the rule is gone.
    pub times: u32,
}

/// What becomes of one copy of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fate {
    /// After which time it arrives.
    pub delay: Duration,
    /// In which condition.
    pub condition: Condition,
}

/// How a copy of a datagram arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// As it was sent.
    Whole,
    /// With a flipped bit, or cut, or with a byte too many.
    Damaged,
}

/// Decides what becomes of datagrams. It keeps none of them.
#[derive(Debug)]
pub struct Link {
    weather: Weather,
    rules: Vec<Rule>,
    /// Until when nothing gets through from a gateway.
    dark: BTreeMap<GatewayId, Duration>,
    random: SimRandom,
}

impl Link {
    /// A link with this weather.
    #[must_use]
    pub const fn new(weather: Weather, random: SimRandom) -> Self {
        Self {
            weather,
            rules: Vec::new(),
            dark: BTreeMap::new(),
            random,
        }
    }

    /// Changes the weather for what is sent from now on.
    pub const fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Adds a rule; of several that fit, the oldest is used.
    pub fn add_rule(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// Whether rules are left that were not used up.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// From now until `end`, in time since the world began, nothing gets through that this gateway sends.
    pub fn black_out(&mut self, from: GatewayId, end: Duration) {
        self.dark.insert(from, end);
    }

    /// Fair weather, no blackouts and no rules from now on. What is under way stays so.
    pub fn calm(&mut self) {
        self.weather = Weather::FAIR;
        self.dark.clear();
        self.rules.clear();
    }

    /// What becomes of a datagram that is sent `now`: none, one or two copies arrive.
    pub fn fates(&mut self, from: GatewayId, class: Class, now: Duration) -> Vec<Fate> {
        if self.dark.get(&from).is_some_and(|end| now < *end) {
            return Vec::new();
        }
        let whole = |delay| Fate {
            delay,
            condition: Condition::Whole,
        };
        match self.ruled(from, class) {
            Some(Treatment::Lose) => Vec::new(),
            Some(Treatment::Delay(delay)) => vec![whole(self.weather.delay + delay)],
            None => self
                .drawn()
                .into_iter()
                .map(whole)
                .map(|fate| self.weathered(fate))
                .collect(),
        }
    }

    fn weathered(&mut self, fate: Fate) -> Fate {
        let damaged = self.random.happens(self.weather.corruption);
        let condition = if damaged {
            Condition::Damaged
        } else {
            fate.condition
        };
        Fate { condition, ..fate }
    }

    /// Does to a datagram what [`Condition::Damaged`] says. An empty one stays as it is.
    pub fn damage(&mut self, datagram: &mut Vec<u8>) {
        let bits = u64::try_from(datagram.len()).unwrap_or(0) * 8;
        if bits == 0 {
            return;
        }
        let bit = self.random.below(bits);
        let place = usize::try_from(bit / 8).unwrap_or(0);
        match self.random.below(8) {
            0 => datagram.truncate(place),
            1 => datagram.push(0),
            _ => datagram[place] ^= 1 << (bit % 8),
        }
    }

    fn ruled(&mut self, from: GatewayId, class: Class) -> Option<Treatment> {
        let fits = |rule: &Rule| rule.from == from && rule.class == class;
        let place = self.rules.iter().position(fits)?;
        let rule = &mut self.rules[place];
        let treatment = rule.treatment;
        rule.times = rule.times.saturating_sub(1);
        if rule.times == 0 {
            self.rules.remove(place);
        }
        Some(treatment)
    }

    fn drawn(&mut self) -> Vec<Duration> {
        if self.random.happens(self.weather.loss) {
            return Vec::new();
        }
        let mut delays = vec![self.weather.delay];
        if self.random.happens(self.weather.reordering) {
            delays[0] += self.detour();
        }
        if self.random.happens(self.weather.duplication) {
            let detour = self.detour();
            delays.push(self.weather.delay + detour);
        }
        delays
    }

    fn detour(&mut self) -> Duration {
        let most = u64::try_from(self.weather.detour.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.random.below(most.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests;
