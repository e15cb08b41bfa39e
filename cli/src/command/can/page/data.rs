//! The page's data: each text and each cell once, and numbers of them everywhere else.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use zonegate_engine::decision::Reason;
use zonegate_engine::key::Key;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::Action;
use zonegate_engine::policy::{Holding, On};

use super::super::NOTE;
use super::super::columns::{Column, all};
use super::super::finding::{Answer, Finding};
use super::super::key::{ZONES_MAX, grants, is_named, zones};
use super::super::subject::{Subject, Survey};
use crate::universe::ELSEWHERE;

/// Stands for the key's id in a text that keys share.
const KEY: &str = "\u{1}";
/// Stands for what a grant is about in a text that grants share.
const ON: &str = "\u{2}";

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    /// What the page is of.
    about: String,
    /// What it must be read with.
    notes: Vec<String>,
    /// The columns.
    columns: Vec<ColumnData>,
    /// Ids of policies.
    ids: Vec<String>,
    /// Policies.
    policies: Vec<PolicyData>,
    /// Cells, each once.
    cells: Vec<CellData>,
    /// Keys with their rows.
    pub(super) keys: Vec<KeyData>,
}

/// A column.
#[derive(Debug, Serialize)]
struct ColumnData {
    /// The action.
    action: &'static str,
    /// The group of types.
    group: Option<&'static str>,
    /// The types of the group.
    types: Vec<&'static str>,
    /// What it stands under.
    area: &'static str,
    /// What stands above it.
    short: &'static str,
    /// Its full name.
    name: String,
    /// Whether to look at it first.
    dangerous: bool,
}

/// A policy; what differs between a template's links is left open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct PolicyData {
    /// Its id.
    id: String,
    /// Its sentence.
    doc: String,
    /// Its file.
    file: String,
    /// Its line.
    line: usize,
    /// Whether it forbids.
    forbids: bool,
    /// Whether it is a link's.
    linked: bool,
    /// Its text.
    text: String,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct CellData {
    /// 0 yes, 1 depends, 2 no.
    answer: u8,
    /// Numbers of the ids of policies that allow.
    by: Vec<usize>,
    /// Numbers of the ids of policies that forbid.
    against: Vec<usize>,
    /// When it is allowed.
    when: Vec<String>,
    /// How many questions were asked.
    asked: usize,
    /// How many of them are allowed.
    allowed: usize,
    /// A question that is allowed, as arguments of `explain`; only where it depends.
    example: Option<String>,
    /// One that is denied.
    counter: Option<String>,
    /// The reason of the denial.
    reason: Option<&'static str>,
}

/// A key.
#[derive(Debug, Serialize)]
pub(super) struct KeyData {
    /// Its id.
    id: String,
    /// Who has it.
    description: String,
    /// Who answers for it.
    owner: String,
    /// Its roles.
    roles: Vec<String>,
    /// Its accounts.
    accounts: Vec<String>,
    /// Its networks.
    networks: Vec<String>,
    /// Its grants in words.
    grants: Vec<String>,
    /// Whether it works, as a word.
    state: &'static str,
    /// The same in words, where it is not the usual.
    note: Option<String>,
    /// Its links: the number of the policy, and what the grant is about.
    links: Vec<(usize, String)>,
    /// Its rows.
    rows: Vec<RowData>,
}

/// A row.
#[derive(Clone, Debug, Serialize)]
struct RowData {
    /// `account`, `zone` or `other`.
    kind: &'static str,
    /// The zone, in words where it is none.
    zone: String,
    /// Numbers of cells, one for each column; -1 where the column is about something else.
    cells: Vec<i64>,
}

/// Things by number, each once.
#[derive(Debug)]
struct Numbered<T> {
    /// The things.
    all: Vec<T>,
    /// Their numbers.
    known: HashMap<T, usize>,
}

impl<T: Clone + Eq + std::hash::Hash> Numbered<T> {
    /// None yet.
    fn new() -> Self {
        Numbered { all: Vec::new(), known: HashMap::new() }
    }

    /// The number of a thing.
    fn number(&mut self, thing: T) -> usize {
        let Numbered { all, known } = self;
        *known.entry(thing).or_insert_with_key(|thing| {
            all.push(thing.clone());
            all.len() - 1
        })
    }
}

impl Data {
    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.keys.iter().map(|key| key.rows.len()).sum()
    }
}

/// What is collected on the way.
#[derive(Debug)]
struct Maker {
    /// The columns.
    columns: Vec<Column>,
    /// Ids of policies.
    ids: Numbered<String>,
    /// Policies.
    policies: Numbered<PolicyData>,
    /// Cells.
    cells: Numbered<CellData>,
    /// Keys that have more zones than are shown.
    capped: usize,
    /// Rows of keys that differ in nothing that a policy can see, by what that is.
    alike: HashMap<String, Vec<RowData>>,
}

/// The data of all keys, or of one; in all zones, or in one.
pub(super) fn of(
    survey: &Survey<'_>,
    only: Option<&Key>,
    zone: Option<&Name>,
) -> Result<Data, String> {
    let mut maker = Maker {
        columns: all(),
        ids: Numbered::new(),
        policies: Numbered::new(),
        cells: Numbered::new(),
        capped: 0,
        alike: HashMap::new(),
    };
    let mut keys = Vec::new();
    for key in survey.bundle.keys.iter() {
        if only.is_none_or(|only| only.id == key.id) {
            let wanted: Vec<Name> = zone.into_iter().cloned().collect();
            let subject = survey.subject(key, &wanted).map_err(|problem| problem.to_string())?;
            keys.push(maker.key(survey, &subject, zone));
        }
    }
    let digest: String = survey.bundle.digest.chars().take("sha256:".len() + 12).collect();
    let mut notes = vec![
        NOTE.to_owned(),
        format!(
            "Zones that no policy or grant of a key mentions are one row, `every other zone`; rows \
             that allow nothing are left out; at most {ZONES_MAX} zones are shown for a key."
        ),
    ];
    if maker.capped > 0 {
        notes.push(format!("{} keys have more zones than that.", maker.capped));
    }
    Ok(Data {
        about: format!("{} keys at {}, policies {digest}", keys.len(), survey.now),
        notes,
        columns: maker.columns.iter().map(column_data).collect(),
        ids: maker.ids.all,
        policies: maker.policies.all,
        cells: maker.cells.all,
        keys,
    })
}

/// A column for the page.
fn column_data(column: &Column) -> ColumnData {
    let name = column.action.name();
    let verb = name.split_once('.').map_or(name, |(_, verb)| verb);
    let others = || vec!["all other types"];
    ColumnData {
        action: name,
        group: column.group.map(|group| group.name),
        types: column.group.map_or_else(Vec::new, |group| {
            if group.types.is_empty() { others() } else { group.types.to_vec() }
        }),
        area: column.area(),
        short: match (column.group, column.action) {
            (Some(_), _) => verb,
            (None, Action::RecordWildcard) => "wildcard",
            (None, _) => name,
        },
        name: column.heading(),
        dangerous: column.dangerous,
    }
}

impl Maker {
    /// A key with its rows.
    fn key(&mut self, survey: &Survey<'_>, subject: &Subject<'_>, zone: Option<&Name>) -> KeyData {
        let key = subject.key;
        if subject.universe.zones.len() > ZONES_MAX + 1 {
            self.capped += 1;
        }
        let profile = profile(subject);
        let known = profile.as_ref().and_then(|profile| self.alike.get(profile)).cloned();
        let rows = known.unwrap_or_else(|| self.rows(survey, subject, zone));
        if let Some(profile) = profile {
            self.alike.insert(profile, rows.clone());
        }
        KeyData {
            id: key.id.clone(),
            description: key.description.clone(),
            owner: key.owner.clone().unwrap_or_default(),
            roles: key.roles.clone(),
            accounts: key.accounts.clone(),
            networks: key.networks.clone(),
            grants: grants(key),
            state: subject.state.code(),
            note: subject.state.words(),
            links: self.links(subject),
            rows,
        }
    }

    /// A key's rows: the account, its zones, and every other zone.
    fn rows(
        &mut self,
        survey: &Survey<'_>,
        subject: &Subject<'_>,
        zone: Option<&Name>,
    ) -> Vec<RowData> {
        let elsewhere = Name::parse(ELSEWHERE, NameForm::Fqdn).ok();
        let mut rows = Vec::new();
        if let Some(anywhere) = zone.or(elsewhere.as_ref()) {
            let cells = self.row(survey, subject, anywhere, true);
            rows.push(RowData { kind: "account", zone: "the account".to_owned(), cells });
        }
        match zone {
            Some(zone) => {
                let cells = self.row(survey, subject, zone, false);
                rows.push(RowData { kind: "zone", zone: zone.to_string(), cells });
            }
            None => rows.extend(self.zones(survey, subject)),
        }
        rows.retain(|row| row.kind == "account" || self.says(row));
        rows
    }

    /// The rows of a key's zones; of representatives, those that differ from one another.
    fn zones(&mut self, survey: &Survey<'_>, subject: &Subject<'_>) -> Vec<RowData> {
        let mut zones = zones(subject);
        let Some(last) = zones.pop() else { return Vec::new() };
        let other = self.row(survey, subject, &last, false);
        let mut known: BTreeSet<Vec<i64>> = BTreeSet::new();
        let gist = |maker: &Maker, cells: &[i64]| {
            cells.iter().map(|cell| maker.gist(*cell)).collect::<Vec<_>>()
        };
        known.insert(gist(self, &other));
        let mut rows = Vec::new();
        for zone in zones {
            let cells = self.row(survey, subject, &zone, false);
            let named = is_named(subject, &zone);
            let is_new = known.insert(gist(self, &cells));
            if named || is_new {
                let zone = if named { zone.to_string() } else { format!("such as {zone}") };
                rows.push(RowData { kind: "zone", zone, cells });
            }
        }
        let zone = if rows.is_empty() { "every zone" } else { "every other zone" };
        rows.push(RowData { kind: "other", zone: zone.to_owned(), cells: other });
        rows
    }

    /// What tells a cell from that of another zone: the answer, for the details name the zone.
    fn gist(&self, cell: i64) -> i64 {
        let cell = usize::try_from(cell).ok().and_then(|at| self.cells.all.get(at));
        cell.map_or(-1, |cell| i64::from(cell.answer))
    }

    /// Whether a row says more than no.
    fn says(&self, row: &RowData) -> bool {
        row.cells.iter().any(|cell| matches!(self.gist(*cell), 0 | 1))
    }

    /// The cells of the account's columns, or of all others in a zone.
    fn row(
        &mut self,
        survey: &Survey<'_>,
        subject: &Subject<'_>,
        zone: &Name,
        account: bool,
    ) -> Vec<i64> {
        let columns = self.columns.clone();
        let cells = columns.iter().map(|column| {
            if column.is_account() != account {
                return -1;
            }
            let finding = column.ask(survey, subject, zone);
            let cell = self.cell(subject, &finding);
            i64::try_from(self.cells.number(cell)).unwrap_or(-1)
        });
        cells.collect()
    }

    /// A finding for the page.
    fn cell(&mut self, subject: &Subject<'_>, finding: &Finding) -> CellData {
        let mut numbers =
            |ids: &BTreeSet<String>| ids.iter().map(|id| self.ids.number(id.clone())).collect();
        let depends = finding.answer == Answer::Depends;
        let shared = |text: String| {
            text.replace(&format!("--key {} ", subject.key.id), &format!("--key {KEY} "))
        };
        let example = finding.example.as_ref().filter(|_| depends);
        let counter = finding.counter.as_ref();
        CellData {
            answer: match finding.answer {
                Answer::Yes => 0,
                Answer::Depends => 1,
                Answer::No => 2,
            },
            by: numbers(&finding.by),
            against: numbers(&finding.against),
            when: finding.sentences(),
            asked: finding.asked,
            allowed: finding.allowed,
            example: example.map(|probe| shared(probe.explain_arguments())),
            counter: counter
                .filter(|_| depends)
                .map(|(probe, _)| shared(probe.explain_arguments())),
            reason: counter.map(|(_, reason)| {
                let is_plain = *reason == Reason::NoPolicyAllows;
                if is_plain { "No policy permits it." } else { reason.sentence() }
            }),
        }
    }

    /// Notes a key's policies; its links are given with what they are about.
    fn links(&mut self, subject: &Subject<'_>) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for holding in &subject.holdings {
            let (text, on) = shared(holding);
            let policy = PolicyData {
                id: holding.id.clone(),
                doc: holding.doc.clone(),
                file: holding.file.clone(),
                line: holding.line,
                forbids: holding.forbids,
                linked: holding.linked.is_some(),
                text,
            };
            let number = self.policies.number(policy);
            if holding.linked.is_some() {
                links.push((number, on));
            }
        }
        links
    }
}

/// Everything by which policies can tell a key from others; none where they can by its id.
///
/// SECURITY: keys with the same are shown with the same rows, so it has all of a key but its id and
/// its description, which no policy can read, and its digests.
fn profile(subject: &Subject<'_>) -> Option<String> {
    let by_id = subject.universe.entities.iter().any(|(kind, _)| kind == "Key");
    if by_id || subject.holdings.iter().any(|holding| holding.linked.is_some()) {
        return None;
    }
    let Key { owner, accounts, roles, attributes, networks, grants, .. } = subject.key;
    let Key { not_before, expires, disabled, .. } = subject.key;
    let seen = (owner, accounts, roles, attributes, networks, grants);
    Some(format!("{:?}", (seen, not_before, expires, disabled)))
}

/// A policy's text; a link's without its key and without what it is about, which is given apart.
fn shared(holding: &Holding) -> (String, String) {
    let Some(key) = &holding.linked else { return (holding.text.clone(), String::new()) };
    let text = tidy(&holding.text);
    let text = text.replace(&format!("Key::\"{key}\""), &format!("Key::\"{KEY}\""));
    let (kind, on) = match &holding.on {
        On::Zone(on) => ("Zone", on),
        On::Domain(on) => ("Domain", on),
        On::Name(on) => ("Name", on),
        On::Everything | On::Kind(_) | On::Account(_) | On::Provider(_) => {
            return (text, String::new());
        }
    };
    (text.replace(&format!("{kind}::\"{on}\""), &format!("{kind}::\"{ON}\"")), on.clone())
}

/// The text of a link, which Cedar writes in one line, in the lines of its template and without
/// annotations: these stand beside it.
fn tidy(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with('@'));
    let mut rest = lines.collect::<Vec<_>>().join("\n");
    let mut made = String::new();
    for (mark, broken) in [
        ("(principal", " (\n  principal"),
        (", action", ",\n  action"),
        (", resource", ",\n  resource"),
        (") when {", "\n)\nwhen {"),
    ] {
        let Some((before, after)) = rest.split_once(mark) else { continue };
        made.push_str(before);
        made.push_str(broken);
        rest = after.to_owned();
    }
    made + &rest
}
