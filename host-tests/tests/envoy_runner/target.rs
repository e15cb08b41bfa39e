//! An account that rows are for: how Envoy is reached for it, and what stands behind it.

use crate::http;
use crate::lab::{Cloud, Lab};
use crate::relay::{self, Relay, Seen, Sign};
use crate::state::PowerDns;
use zonegate_cases::Header;

/// The one account of PowerDNS, which has an Envoy of its own with the shipped configuration.
pub(crate) const POWERDNS: (&str, &str) = ("powerdns", "main");
/// How the filter's lookups call PowerDNS.
const POWERDNS_AUTHORITY: &str = "powerdns-main";
/// The header in which PowerDNS gets its credential.
const POWERDNS_HEADER: &str = "x-api-key";
/// What PowerDNS may say to a request that the gate allows: the decision is what is tested.
const POWERDNS_STATUSES: [u16; 6] = [200, 201, 204, 404, 409, 422];

/// One account of a provider.
#[derive(Debug)]
pub(crate) struct Target {
    /// The provider.
    pub(crate) provider: String,
    /// Where Envoy listens for it on 127.0.0.1.
    pub(crate) gate_port: u16,
    /// What stands between Envoy and the provider.
    pub(crate) relay: Relay,
    /// The name by which the provider must be called; none where any does.
    pub(crate) host: Option<String>,
    /// The headers that Envoy puts in: the real credential.
    pub(crate) credential: Vec<Header>,
    /// The provider.
    pub(crate) behind: Behind,
    /// Whether its zones may be others than at the start.
    pub(crate) changed: bool,
}

/// What stands behind the relay.
#[derive(Debug)]
pub(crate) enum Behind {
    /// The real thing.
    PowerDns(PowerDns),
    /// A stand-in that takes orders on this port.
    StandIn(u16),
    /// Nothing, because nobody has written a stand-in: the relay says 404 in its place.
    Lacking,
    /// Nothing, because there is no such provider.
    Nobody,
}

impl Target {
    /// PowerDNS, behind this relay.
    pub(crate) fn powerdns(lab: &Lab, relay: Relay) -> Target {
        relay.lead_to(lab.powerdns_port, Sign::Authority(POWERDNS_AUTHORITY));
        let credential = lab.credential.clone();
        Target {
            provider: POWERDNS.0.to_owned(),
            gate_port: lab.gate_port,
            relay,
            host: None,
            credential: vec![(POWERDNS_HEADER.into(), credential.clone().into_bytes())],
            behind: Behind::PowerDns(PowerDns { port: lab.powerdns_port, credential }),
            changed: false,
        }
    }

    /// An account in the cloud, behind this relay.
    pub(crate) fn cloud(cloud: &Cloud, relay: Relay, mark: &str) -> Target {
        relay.lead_to(cloud.port, Sign::Unmarked(mark.to_owned()));
        let bytes = |(name, value): (&String, &String)| (name.clone().into(), value.clone().into());
        Target {
            provider: cloud.provider.clone(),
            gate_port: cloud.gate_port,
            relay,
            host: Some(cloud.host.clone()),
            credential: cloud.headers.iter().map(bytes).collect(),
            behind: match (cloud.control_port, cloud.is_known) {
                (0, true) => Behind::Lacking,
                (0, false) => Behind::Nobody,
                (port, _) => Behind::StandIn(port),
            },
            changed: false,
        }
    }

    /// Whether the provider's answers to lookups come from the tables alone.
    pub(crate) fn is_cloud(&self) -> bool {
        !matches!(self.behind, Behind::PowerDns(_))
    }

    /// Makes the provider's zones what they were at the start.
    pub(crate) fn reset(&mut self, lab: &mut Lab) {
        match self.behind {
            Behind::PowerDns(_) => lab.reset(),
            Behind::Lacking | Behind::Nobody => {}
            Behind::StandIn(port) => {
                let request = b"POST /reset HTTP/1.1\r\nconnection: close\r\n\r\n";
                let answer = relay::ask(port, request).expect("the stand-in must take orders");
                assert_eq!(answer.status(), Some(204), "the stand-in resets itself");
            }
        }
        self.changed = false;
    }

    /// What is wrong with a request to the provider: its credential, or the name it is called by.
    pub(crate) fn trouble(&self, seen: &Seen) -> Vec<String> {
        let path = &seen.request.start[1];
        let mut trouble = Vec::new();
        for (name, wanted) in &self.credential {
            let sent = seen.request.headers.iter().filter(|(have, _)| have == name);
            let values: Vec<&Vec<u8>> = sent.map(|(_, value)| value).collect();
            if values != [wanted] {
                trouble.push(format!("{path} goes up without the one real credential"));
            }
        }
        let host = seen.request.text("host");
        if self.host.is_some() && host != self.host {
            trouble.push(format!("{path} calls the provider {host:?}"));
        }
        trouble
    }

    /// What is wrong with a provider's answer to a request that the gate allows.
    pub(crate) fn answer_trouble(&self, said: u16) -> Option<String> {
        let fine = match self.behind {
            Behind::PowerDns(_) => POWERDNS_STATUSES.contains(&said),
            Behind::StandIn(_) | Behind::Lacking | Behind::Nobody => !matches!(said, 401 | 500..),
        };
        (!fine).then(|| format!("the provider answers {said}"))
    }

    /// The headers of a request to the provider, without the credential that Envoy put in.
    pub(crate) fn plain_headers(&self, request: &http::Message) -> Vec<Header> {
        let injected = |name: &[u8]| self.credential.iter().any(|(have, _)| have == name);
        request.headers.iter().filter(|(name, _)| !injected(name)).cloned().collect()
    }
}
