//! Pages: counters, totals and links of a list that was cut.
//!
//! What is left out must not be counted, and a client that pages must come to an end. So the
//! number of entries on a page is what is left; and the number of all entries says no more than
//! how many pages there are, unless this page is all there is.

use super::super::file::Paging;
use super::links;
use super::lists::{Cut, Cutting};
use super::place::{Spot, Tree};

/// What an answer says of its pages.
struct Pages {
    /// The number of this page.
    page: Option<u64>,
    /// How many entries a page has at most.
    per_page: Option<u64>,
    /// How many entries there are.
    total: Option<u64>,
    /// How many pages there are.
    number: Option<u64>,
    /// Whether there are more, where the answer says so.
    more: Option<bool>,
}

impl Pages {
    /// Whether there is one page at most: this one, or this one lies behind it.
    ///
    /// SECURITY: behind the end, too, nothing counts what is hidden (case
    /// `pages-behind-the-end-count-nothing-hidden`).
    fn is_only(&self, cut: Cut) -> bool {
        let first = self.page.is_none_or(|page| page <= 1);
        let all_here = self.total.is_some_and(|total| {
            (first && total <= cut.given) || self.per_page.is_some_and(|most| total <= most)
        });
        match (self.more, self.number) {
            (Some(true), _) => false,
            (_, Some(pages)) => pages <= 1,
            (_, None) => all_here,
        }
    }

    /// What takes the place of the number of entries on this page: what is left, except on a full
    /// page that others follow. It tells no more there than that they do, and some clients stop at
    /// a page that is not full.
    fn count(&self, cut: Cut) -> u64 {
        let page = self.page.unwrap_or(1);
        let others_follow = self.more.unwrap_or(self.number.is_some_and(|pages| page < pages));
        if others_follow && self.per_page == Some(cut.given) { cut.given } else { cut.kept }
    }

    /// What takes the place of a total: what is left, or full pages; none where neither is known.
    ///
    /// SECURITY: whoever could see by how much the total exceeds what is left would count what
    /// belongs to others (test `totals_do_not_count_what_is_left_out`).
    fn shown(&self, cut: Cut, total: u64) -> Option<u64> {
        if self.is_only(cut) {
            return Some(cut.kept);
        }
        let per_page = self.per_page.filter(|per_page| *per_page > 0)?;
        self.number.unwrap_or_else(|| total.div_ceil(per_page)).checked_mul(per_page)
    }
}

impl<'a> Cutting<'a, '_> {
    /// Makes what an answer says of its pages true again; none where it is not understood.
    pub(super) fn page(
        &mut self,
        paging: &Paging,
        origin: Option<&str>,
        headers: &[(&str, &str)],
        tree: &mut Tree<'a>,
        cut: Cut,
    ) -> Option<()> {
        let mut more = match &paging.next {
            None => None,
            Some(path) => Some(is_more(tree.find(path)?)),
        };
        if paging.link_header {
            more = Some(self.link_header(origin, headers)? || more.unwrap_or_default());
        }
        self.links(paging, origin, tree)?;
        let header_total = paging.total_headers.iter().find_map(|name| number_in(headers, name));
        let mut pages = Pages {
            page: counter(tree, paging.page.as_deref()),
            per_page: counter(tree, paging.per_page.as_deref()),
            total: counter(tree, paging.total.as_deref()).or(header_total),
            number: counter(tree, paging.pages.as_deref()),
            more,
        };
        let asked = paging.per_page_query.as_ref().and_then(|key| self.rule.asked_for(key));
        pages.per_page =
            pages.per_page.or(asked.and_then(|text| text.parse().ok())).or(paging.per_page_default);
        self.count(tree, paging.count.as_deref(), |_| Some(pages.count(cut)))?;
        self.count(tree, paging.total.as_deref(), |total| pages.shown(cut, total))?;
        // No page and one page are the same to a client, and to one that asks after hidden entries.
        self.count(tree, paging.pages.as_deref(), |given| {
            Some(if pages.is_only(cut) { 1 } else { given })
        })?;
        // A page behind the last one has no entries, and no total: a client that goes on until it
        // holds as many as the total says ends there.
        let counted = paging.total_headers.iter().filter(|_| cut.given > 0);
        for name in counted {
            let shown = number_in(headers, name).and_then(|total| pages.shown(cut, total));
            if let Some(shown) = shown {
                self.filtered.headers.push((name.to_ascii_lowercase(), shown.to_string()));
            }
        }
        Some(())
    }

    /// Puts another number in the place of a counter, if there is one.
    fn count(
        &mut self,
        tree: &mut Tree<'a>,
        path: Option<&str>,
        shown: impl FnOnce(u64) -> Option<u64>,
    ) -> Option<()> {
        let Some(path) = path else { return Some(()) };
        let Spot::There(text) = tree.find(path)? else { return Some(()) };
        let given = number(text)?;
        let shown = shown(given)?;
        if shown == given {
            return Some(());
        }
        let quote = if text.starts_with('"') { "\"" } else { "" };
        self.edits.replace(text, format!("{quote}{shown}{quote}"))
    }

    /// Turns the links inside the answer back to the gate.
    ///
    /// An address that says what the next page is is one of them, listed or not.
    fn links(&mut self, paging: &Paging, origin: Option<&str>, tree: &mut Tree<'a>) -> Option<()> {
        let listed = |path: &&String| !paging.links.contains(path);
        for (path, always) in (paging.links.iter().map(|path| (path, true)))
            .chain(paging.next.iter().filter(listed).map(|path| (path, false)))
        {
            let Spot::There(text) = tree.find(path)? else { continue };
            let Ok(link) = serde_json::from_str::<String>(text) else {
                if always {
                    return None;
                }
                continue;
            };
            if link.is_empty() || (!always && !link.contains("//")) {
                continue;
            }
            let turned = links::turned(origin, &self.rule.gate, &link)?;
            if turned != link {
                self.edits.replace(text, serde_json::Value::from(turned).to_string())?;
            }
        }
        Some(())
    }

    /// Turns the headers `link` back to the gate; whether one names a next page.
    pub(super) fn link_header(
        &mut self,
        origin: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Option<bool> {
        let mut more = false;
        for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link")) {
            let (turned, next) = links::header(origin, &self.rule.gate, value)?;
            more |= next;
            if !turned.is_empty() {
                self.filtered.headers.push(("link".to_owned(), turned));
            }
        }
        Some(more)
    }
}

/// Whether this says that there are more pages.
fn is_more(spot: Spot<'_>) -> bool {
    match spot {
        Spot::There(text) => !matches!(text, "false" | "0" | "\"\""),
        Spot::Null | Spot::Absent => false,
    }
}

/// The number at a path, if there is one.
fn counter(tree: &mut Tree<'_>, path: Option<&str>) -> Option<u64> {
    match tree.find(path?)? {
        Spot::There(text) => number(text),
        Spot::Null | Spot::Absent => None,
    }
}

/// A number, or a text that is one.
fn number(text: &str) -> Option<u64> {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    bare.parse().ok().filter(|_| bare.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The number in a header.
fn number_in(headers: &[(&str, &str)], name: &str) -> Option<u64> {
    let (_, value) = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    number(value.trim())
}
