//! Checked JSON cut into its members, once and quickly.
//!
//! A strict reader goes through every answer first. What it found well-formed is then cut up here
//! as often as it takes: a cut looks for the ends of texts and of what is nested, and for nothing
//! else. Text that is no JSON gives no members or wrong ones, so it must not come here.

use std::borrow::Cow;

use super::fields::Fields;

#[cfg(test)]
mod tests;

/// Calls `visit` with each item of a list, or with `keyed` with each value of an object, and with
/// its fields where it is an object that repeats no key; none where the text is something else.
///
/// An empty list stands for an empty object too, because some languages write it so. The text is
/// checked JSON.
pub(in crate::provider) fn each<'a>(
    text: &'a str,
    keyed: bool,
    mut visit: impl FnMut(&'a str, Option<&Fields<'a>>),
) -> Option<()> {
    let mut fields = Fields::default();
    if keyed && text.starts_with('{') {
        for (_, raw) in Fields::again(text)?.iter() {
            let (_, understood) = Cut::new(raw).member(&mut fields)?;
            visit(raw, understood.then_some(&fields));
        }
        return Some(());
    }
    let mut cut = Cut::new(text);
    cut.take(b'[')?;
    if cut.take(b']').is_some() {
        return Some(());
    }
    if keyed {
        return None;
    }
    loop {
        let (item, understood) = cut.member(&mut fields)?;
        visit(item, understood.then_some(&fields));
        if cut.take(b',').is_none() {
            return cut.take(b']');
        }
    }
}

/// The items of a list; none where it is something else. The text is checked JSON.
pub(super) fn items(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    let mut cut = Cut::new(text);
    cut.take(b'[')?;
    if cut.take(b']').is_some() {
        return Some(items);
    }
    loop {
        items.push(cut.value()?);
        if cut.take(b',').is_none() {
            cut.take(b']')?;
            return Some(items);
        }
    }
}

/// What a checked JSON string says; none where it is something else, or half a character.
pub(in crate::provider) fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    said(raw, raw.as_bytes().contains(&b'\\'))
}

/// The same of one of which it is known whether something is escaped in it.
fn said(raw: &str, escaped: bool) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if escaped {
        return serde_json::from_str(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// A place in a text up to which it was cut.
pub(super) struct Cut<'a> {
    /// The text.
    text: &'a str,
    /// Where the next thing begins: no blank stands there.
    at: usize,
}

impl<'a> Cut<'a> {
    /// The beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        let mut cut = Cut { text, at: 0 };
        cut.blanks();
        cut
    }

    /// What stands here.
    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes behind blanks.
    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.here() {
            self.at += 1;
        }
    }

    /// Goes behind this sign and blanks, if it stands here.
    fn take(&mut self, sign: u8) -> Option<()> {
        if self.here() != Some(sign) {
            return None;
        }
        self.at += 1;
        self.blanks();
        Some(())
    }

    /// Goes to the first of some signs.
    fn seek(&mut self, is_one: impl Fn(u8) -> bool) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let found = rest.iter().position(|byte| is_one(*byte))?;
        self.at += found;
        self.here()
    }

    /// Goes behind the string whose opening quote stands here; whether something is escaped in it.
    fn string(&mut self) -> Option<bool> {
        let mut rest = self.text.as_bytes().get(self.at + 1..)?;
        let mut escaped = false;
        loop {
            rest = behind_plain(rest);
            let (sign, after) = rest.split_first()?;
            if *sign == b'"' {
                self.at = self.text.len() - after.len();
                return Some(escaped);
            }
            escaped = true;
            rest = after.get(1..)?;
        }
    }

    /// Goes behind the list or object that begins here.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.seek(|byte| matches!(byte, b'"' | b'[' | b']' | b'{' | b'}'))? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'[' | b'{' => depth += 1,
                _ => depth = depth.checked_sub(1)?,
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// The value that begins here, whatever it is; goes behind it and blanks.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.here()? {
            b'"' => {
                self.string()?;
            }
            b'[' | b'{' => self.nested()?,
            _ => {
                let ends = |byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
                if self.seek(ends).is_none() {
                    self.at = self.text.len();
                }
            }
        }
        let value = self.text.get(start..self.at).filter(|value| !value.is_empty())?;
        self.blanks();
        Some(value)
    }

    /// The key that begins here, in its quotes, and whether something is escaped in it.
    fn key(&mut self) -> Option<(&'a str, bool)> {
        let start = self.at;
        let escaped = self.string()?;
        let raw = self.text.get(start..self.at)?;
        self.blanks();
        Some((raw, escaped))
    }

    /// The value that begins here, and whether it is an object that repeats no key, whose fields
    /// are then read; goes behind it and blanks.
    pub(super) fn member(&mut self, fields: &mut Fields<'a>) -> Option<(&'a str, bool)> {
        if self.here()? != b'{' {
            return self.value().map(|value| (value, false));
        }
        let start = self.at;
        let mut understood = true;
        fields.clear();
        self.take(b'{')?;
        while self.here()? == b'"' {
            let (raw, escaped) = self.key()?;
            let key = said(raw, escaped);
            self.take(b':')?;
            let value = self.value()?;
            // What is not understood is gone through all the same: the next one stands behind it.
            understood &= key.is_some_and(|key| fields.push(key, value));
            if self.take(b',').is_none() {
                break;
            }
        }
        if self.here()? != b'}' {
            return None;
        }
        self.at += 1;
        let value = self.text.get(start..self.at)?;
        self.blanks();
        Some((value, understood && fields.are_unique()))
    }
}

/// What is left of a string from its first quote or backslash on; eight bytes are looked at at
/// once.
fn behind_plain(mut rest: &[u8]) -> &[u8] {
    /// The same byte eight times.
    const fn eight(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    while let Some((eight_bytes, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight_bytes);
        let (quote, slash) = (word ^ eight(b'"'), word ^ eight(b'\\'));
        // The high bit of the lowest zero byte of each, and never one below it.
        let zeros = |word: u64| word.wrapping_sub(eight(1)) & !word & eight(0x80);
        let found = zeros(quote) | zeros(slash);
        if found != 0 {
            return rest.get((found.trailing_zeros() / 8) as usize..).unwrap_or_default();
        }
        rest = after;
    }
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    found.and_then(|at| rest.get(at..)).unwrap_or_default()
}
