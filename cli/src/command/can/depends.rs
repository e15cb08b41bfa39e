//! On what an answer depends: the fewest circumstances that tell the allowed from the denied.
//!
//! Each question is a point: a value for each dimension (name, type, value, address, time, ...). A
//! dimension without which the answer is still a function of the others is left out; what remains is
//! written as few sentences as it takes, each a choice of values for some dimensions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use jiff::Timestamp;
use zonegate_engine::name::Name;
use zonegate_engine::record_type::RecordType;

/// Points of a part up to which every way of telling them apart is tried.
const POINTS_TRIED_MAX: usize = 256;

/// One thing that a decision can turn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Dimension {
    /// The account.
    Account,
    /// The owner name.
    Name,
    /// The record type.
    Type,
    /// The kind of metadata.
    Metadata,
    /// The record's value.
    Value,
    /// The client's address.
    From,
    /// The time.
    Time,
    /// Encryption.
    Tls,
    /// The route and its method.
    Route,
    /// How many operations a request means.
    Operations,
}

impl Dimension {
    /// All of them, in the order in which sentences name them.
    pub(super) const ALL: [Dimension; 10] = [
        Dimension::Account,
        Dimension::Name,
        Dimension::Type,
        Dimension::Metadata,
        Dimension::Value,
        Dimension::From,
        Dimension::Time,
        Dimension::Tls,
        Dimension::Route,
        Dimension::Operations,
    ];

    /// The word for people and programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Dimension::Account => "account",
            Dimension::Name => "name",
            Dimension::Type => "type",
            Dimension::Metadata => "metadata",
            Dimension::Value => "value",
            Dimension::From => "address",
            Dimension::Time => "time",
            Dimension::Tls => "TLS",
            Dimension::Route => "route",
            Dimension::Operations => "operations",
        }
    }
}

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// There is only one.
    Any,
    /// An account, as `provider/account`.
    Account(String),
    /// An owner name in its zone.
    Name {
        /// The zone.
        zone: Name,
        /// The name.
        name: Name,
    },
    /// A record type.
    Type(RecordType),
    /// A kind of metadata.
    Metadata(String),
    /// The value of a record of a type.
    Content(RecordType, String),
    /// A client's address.
    From(IpAddr),
    /// A time.
    Time(Timestamp),
    /// Whether encrypted.
    Tls(bool),
    /// A route, as `provider/route`.
    Route(String),
    /// A number of operations.
    Operations(usize),
}

/// A question by the numbers of its values, one for each of [`Dimension::ALL`] at first.
pub(super) type Place = Vec<u16>;

/// All questions with their answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// The values of each dimension, by number.
    values: BTreeMap<Dimension, Vec<Value>>,
    /// Numbers of the values.
    known: HashMap<(Dimension, Value), u16>,
    /// Questions, and whether they are allowed.
    points: Vec<(Place, bool)>,
}

/// Some questions over some of the dimensions.
#[derive(Clone, Debug)]
struct Part {
    /// The dimensions of the places.
    dimensions: Vec<Dimension>,
    /// Questions, each once, with their answers.
    points: BTreeMap<Place, bool>,
}

/// What a set of a dimension's values is called: the set, and all values there are.
pub(super) trait Speak {
    /// A phrase such as `from the network office`.
    fn phrase(&self, dimension: Dimension, some: &[&Value], all: &[&Value]) -> String;
}

impl Table {
    /// The number of a value.
    pub(super) fn number(&mut self, dimension: Dimension, value: Value) -> u16 {
        let values = self.values.entry(dimension).or_default();
        let known = self.known.entry((dimension, value.clone()));
        *known.or_insert_with(|| {
            values.push(value);
            u16::try_from(values.len() - 1).unwrap_or(u16::MAX)
        })
    }

    /// Notes an answer; the place has a number for each dimension.
    pub(super) fn note(&mut self, place: Place, allowed: bool) {
        self.points.push((place, allowed));
    }

    /// The dimensions that matter, and the sentences of what is allowed; empty where all is, or
    /// nothing.
    pub(super) fn sentences(&self, speak: &dyn Speak) -> (Vec<Dimension>, Vec<Vec<String>>) {
        let points = self.points.iter().cloned().collect();
        let part = Part { dimensions: Dimension::ALL.to_vec(), points }.essential();
        let made = self.say(&part, speak);
        (part.dimensions, made)
    }

    /// A value by its number.
    fn value(&self, dimension: Dimension, number: u16) -> &Value {
        let values = self.values.get(&dimension);
        values.and_then(|values| values.get(usize::from(number))).unwrap_or(&Value::Any)
    }

    /// The sentences of what a part allows; one without phrases where it allows all.
    fn say(&self, part: &Part, speak: &dyn Speak) -> Vec<Vec<String>> {
        if part.dimensions.is_empty() {
            let allowed = part.points.values().any(|allowed| *allowed);
            return if allowed { vec![Vec::new()] } else { Vec::new() };
        }
        if let Some(sets) = part.product() {
            let phrases = part.dimensions.iter().enumerate().zip(&sets);
            let phrases =
                phrases.map(|((at, dimension), set)| self.phrase(part, at, *dimension, set, speak));
            return vec![phrases.collect()];
        }
        if let Some(rest) = self.own_address(part) {
            let own = "with the client's own address as the value".to_owned();
            let sentences = self.say(&rest.essential(), speak).into_iter();
            return sentences.map(|rest| [vec![own.clone()], rest].concat()).collect();
        }
        // Which dimension is told apart first makes the difference between few sentences and many.
        let tried = part.narrowest().into_iter();
        let made = tried.map(|(at, classes)| self.say_by(part, at, &classes, speak));
        made.min_by_key(Vec::len).unwrap_or_default()
    }

    /// The sentences of a part, one dimension told apart first.
    fn say_by(
        &self,
        part: &Part,
        at: usize,
        classes: &[Vec<u16>],
        speak: &dyn Speak,
    ) -> Vec<Vec<String>> {
        let Some(dimension) = part.dimensions.get(at) else { return Vec::new() };
        let mut made = Vec::new();
        for class in classes {
            let set: BTreeSet<u16> = class.iter().copied().collect();
            let head = self.phrase(part, at, *dimension, &set, speak);
            let Some(one) = class.first() else { continue };
            for tail in self.say(&part.at(at, *one).essential(), speak) {
                made.push([vec![head.clone()], tail].concat());
            }
        }
        made
    }

    /// What a set of values is called.
    fn phrase(
        &self,
        part: &Part,
        at: usize,
        dimension: Dimension,
        set: &BTreeSet<u16>,
        speak: &dyn Speak,
    ) -> String {
        let some: Vec<&Value> = set.iter().map(|one| self.value(dimension, *one)).collect();
        let all: Vec<&Value> =
            part.numbers(at).into_iter().map(|one| self.value(dimension, one)).collect();
        speak.phrase(dimension, &some, &all)
    }

    /// Where exactly those questions can be allowed whose value is the client's own address: what
    /// remains to be said about them.
    fn own_address(&self, part: &Part) -> Option<Part> {
        let at = |wanted| part.dimensions.iter().position(|one| *one == wanted);
        let (value_at, from_at) = (at(Dimension::Value)?, at(Dimension::From)?);
        let is_own = |place: &Place| {
            let value = self.value(Dimension::Value, *place.get(value_at)?);
            let from = self.value(Dimension::From, *place.get(from_at)?);
            let (Value::Content(_, value), Value::From(from)) = (value, from) else { return None };
            Some(value.parse::<IpAddr>().ok() == Some(*from))
        };
        let mut rest = Part { dimensions: Vec::new(), points: BTreeMap::new() };
        let kept: Vec<usize> =
            (0..part.dimensions.len()).filter(|one| *one != value_at && *one != from_at).collect();
        rest.dimensions = kept.iter().filter_map(|at| part.dimensions.get(*at).copied()).collect();
        let mut addresses = BTreeSet::new();
        for (place, allowed) in &part.points {
            if is_own(place)? {
                let short: Place = kept.iter().filter_map(|at| place.get(*at).copied()).collect();
                if *rest.points.entry(short).or_insert(*allowed) != *allowed {
                    return None;
                }
                addresses.insert(place.get(from_at));
            } else if *allowed {
                return None;
            }
        }
        (addresses.len() > 1).then_some(rest)
    }
}

impl Part {
    /// The numbers that a dimension takes.
    fn numbers(&self, at: usize) -> BTreeSet<u16> {
        self.points.keys().filter_map(|place| place.get(at).copied()).collect()
    }

    /// The same over the dimensions without which the answer is no function any more.
    fn essential(&self) -> Part {
        let mut kept: Vec<usize> =
            (0..self.dimensions.len()).filter(|at| self.numbers(*at).len() > 1).collect();
        let mut points = self.onto(&kept).unwrap_or_default();
        for at in kept.clone().into_iter().rev() {
            let without: Vec<usize> = kept.iter().copied().filter(|one| *one != at).collect();
            if let Some(fewer) = self.onto(&without) {
                (kept, points) = (without, fewer);
            }
        }
        let dimensions = kept.iter().filter_map(|at| self.dimensions.get(*at).copied()).collect();
        Part { dimensions, points }
    }

    /// The points over some dimensions, if these decide the answer.
    fn onto(&self, kept: &[usize]) -> Option<BTreeMap<Place, bool>> {
        let mut points = HashMap::new();
        for (place, allowed) in &self.points {
            let short: Place = kept.iter().filter_map(|at| place.get(*at).copied()).collect();
            if *points.entry(short).or_insert(*allowed) != *allowed {
                return None;
            }
        }
        Some(points.into_iter().collect())
    }

    /// The sets of values whose combinations are exactly what is allowed, if there are such sets.
    fn product(&self) -> Option<Vec<BTreeSet<u16>>> {
        let mut sets = vec![BTreeSet::new(); self.dimensions.len()];
        for (place, _) in self.points.iter().filter(|(_, allowed)| **allowed) {
            for (set, number) in sets.iter_mut().zip(place) {
                set.insert(*number);
            }
        }
        let inside = |place: &Place| sets.iter().zip(place).all(|(set, one)| set.contains(one));
        self.points.iter().all(|(place, allowed)| *allowed == inside(place)).then_some(sets)
    }

    /// The dimensions whose values fall into the fewest classes, with these classes, each of values
    /// with the same answers; only one of them where there are many points.
    fn narrowest(&self) -> Vec<(usize, Vec<Vec<u16>>)> {
        let classes = |at: usize| {
            let mut classes: BTreeMap<Vec<(Place, bool)>, Vec<u16>> = BTreeMap::new();
            for number in self.numbers(at) {
                let points = self.at(at, number).points.into_iter().collect();
                classes.entry(points).or_default().push(number);
            }
            classes.into_values().collect::<Vec<_>>()
        };
        let mut all: Vec<_> = (0..self.dimensions.len()).map(|at| (at, classes(at))).collect();
        let fewest = all.iter().map(|(_, classes)| classes.len()).min().unwrap_or_default();
        all.retain(|(_, classes)| classes.len() == fewest);
        if self.points.len() > POINTS_TRIED_MAX {
            all.truncate(1);
        }
        all
    }

    /// The rest of the points at one value of a dimension.
    fn at(&self, at: usize, number: u16) -> Part {
        let others = |place: &Place| {
            let numbered = place.iter().enumerate().filter(|(one, _)| *one != at);
            numbered.map(|(_, number)| *number).collect::<Place>()
        };
        let here = self.points.iter().filter(|(place, _)| place.get(at) == Some(&number));
        let mut dimensions = self.dimensions.clone();
        dimensions.remove(at);
        Part {
            dimensions,
            points: here.map(|(place, allowed)| (others(place), *allowed)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says which values there are, by number.
    struct Plain;

    impl Speak for Plain {
        fn phrase(&self, dimension: Dimension, some: &[&Value], all: &[&Value]) -> String {
            format!("{} {}/{}", dimension.word(), some.len(), all.len())
        }
    }

    /// A table over address, time and TLS of 3, 2 and 2 values.
    fn table(allowed: impl Fn(u16, u16, bool) -> bool) -> Table {
        let mut table = Table::default();
        for from in 0..3u16 {
            for time in 0..2u16 {
                for tls in [true, false] {
                    let mut place = vec![0; 10];
                    let address = IpAddr::from([192, 0, 2, u8::try_from(from).unwrap()]);
                    let at = Timestamp::from_second(i64::from(time)).unwrap();
                    place[5] = table.number(Dimension::From, Value::From(address));
                    place[6] = table.number(Dimension::Time, Value::Time(at));
                    place[7] = table.number(Dimension::Tls, Value::Tls(tls));
                    table.note(place, allowed(from, time, tls));
                }
            }
        }
        table
    }

    #[test]
    fn only_what_separates_is_named() {
        let said = |allowed: &dyn Fn(u16, u16, bool) -> bool| table(allowed).sentences(&Plain);
        assert_eq!(said(&|_, _, _| true), (vec![], vec![vec![]]));
        assert_eq!(said(&|_, _, _| false), (vec![], vec![]));
        let (on, sentences) = said(&|from, _, _| from == 1);
        assert_eq!((on, sentences), (vec![Dimension::From], vec![vec!["address 1/3".to_owned()]]));
        let (on, sentences) = said(&|from, time, _| from < 2 && time == 0);
        assert_eq!(on, [Dimension::From, Dimension::Time]);
        assert_eq!(sentences, [["address 2/3", "time 1/2"]]);
        let (on, sentences) = said(&|from, time, tls| (from == 0 && time == 0) || tls);
        assert_eq!(on, [Dimension::From, Dimension::Time, Dimension::Tls]);
        assert_eq!(sentences.len(), 2, "{sentences:?}");
    }
}
