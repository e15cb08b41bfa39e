//! Rows: a packed list of byte strings that is read where it stands.
//!
//! A bundle has one row for each key, and every worker has the bundle, so nothing is unpacked
//! before somebody asks for it: [`Rows`] shares the bundle's bytes and knows where a row ends.
//!
//! ```text
//! count: u32 | end of each row: count × u32 | the rows, one after the other
//! ```
//!
//! Numbers are little-endian, ends count from the beginning of the first row. The ends are checked
//! when the list is opened, so that a row never reaches past its list.

use std::ops::Range;
use std::rc::Rc;

/// Bytes of a number.
const NUMBER: usize = size_of::<u32>();

/// A packed list, and the bytes that it stands in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// What holds it, and perhaps much else.
    bytes: Rc<Vec<u8>>,
    /// How many rows there are.
    count: usize,
    /// Where the ends stand.
    ends: usize,
    /// Where the rows themselves stand.
    body: Range<usize>,
}

/// Compares the rows, wherever they stand.
impl PartialEq for Rows {
    fn eq(&self, other: &Rows) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Rows {}

impl Rows {
    /// Opens the list that fills this part of `bytes`; `None` where it is none.
    pub(crate) fn open(bytes: &Rc<Vec<u8>>, at: Range<usize>) -> Option<Rows> {
        let list = bytes.get(at.clone())?;
        let count = usize::try_from(number(list, 0)?).ok()?;
        let begin = count.checked_add(1)?.checked_mul(NUMBER)?;
        let ends = list.get(NUMBER..begin)?.chunks_exact(NUMBER);
        let length = list.len().checked_sub(begin)?;
        // INVARIANT: the ends ascend, and the last is the end of the list.
        let mut before = 0;
        for end in ends {
            let end = usize::try_from(number(end, 0)?).ok()?;
            if end < before {
                return None;
            }
            before = end;
        }
        let (ends, body) = (at.start + NUMBER, at.start + begin..at.end);
        (before == length).then(|| Rows { bytes: Rc::clone(bytes), count, ends, body })
    }

    /// A list of these rows; `None` where they are more bytes than a list can have.
    #[cfg(any(test, feature = "author"))]
    pub(crate) fn pack<R: AsRef<[u8]>>(rows: &[R]) -> Option<Rows> {
        let mut bytes = u32::try_from(rows.len()).ok()?.to_le_bytes().to_vec();
        let mut end = 0_usize;
        for row in rows {
            end = end.checked_add(row.as_ref().len())?;
            bytes.extend(u32::try_from(end).ok()?.to_le_bytes());
        }
        bytes.extend(rows.iter().flat_map(AsRef::as_ref));
        let whole = 0..bytes.len();
        Rows::open(&Rc::new(bytes), whole)
    }

    /// The list as it stands in a bundle.
    #[cfg(any(test, feature = "author"))]
    pub(crate) fn packed(&self) -> &[u8] {
        let begin = self.ends.saturating_sub(NUMBER);
        self.bytes.get(begin..self.body.end).unwrap_or_default()
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// One row.
    pub(crate) fn get(&self, at: usize) -> Option<&[u8]> {
        let rows = self.bytes.get(self.body.clone())?;
        let begin = if at == 0 { 0 } else { self.end(at - 1)? };
        rows.get(begin..self.end(at)?)
    }

    /// All rows, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).filter_map(|at| self.get(at))
    }

    /// Where a row ends.
    fn end(&self, at: usize) -> Option<usize> {
        let end = (at < self.count).then(|| number(&self.bytes, self.ends + NUMBER * at))??;
        usize::try_from(end).ok()
    }
}

/// The number at this place.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(NUMBER)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_read_back(
            rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
            before in 0_usize..9,
        ) {
            let packed = Rows::pack(&rows).unwrap();
            let mut bytes = vec![7; before];
            bytes.extend_from_slice(packed.packed());
            let all = before..bytes.len();
            bytes.extend([9; 5]);
            let opened = Rows::open(&Rc::new(bytes), all).unwrap();
            prop_assert_eq!(opened.len(), rows.len());
            prop_assert!(opened.iter().eq(rows.iter().map(Vec::as_slice)));
            prop_assert_eq!(opened.get(rows.len()), None);
            prop_assert_eq!(opened.packed(), packed.packed());
            prop_assert_eq!(opened, packed);
        }

        #[test]
        fn no_list_reaches_past_its_end(
            mut bytes in prop::collection::vec(any::<u8>(), 0..40),
            count in 0_u32..6,
        ) {
            let all = 0..bytes.len();
            if let Some(head) = bytes.get_mut(..NUMBER) {
                head.copy_from_slice(&count.to_le_bytes());
            }
            if let Some(rows) = Rows::open(&Rc::new(bytes), all.clone()) {
                let total: usize = rows.iter().map(<[u8]>::len).sum();
                prop_assert_eq!(NUMBER * (1 + rows.len()) + total, all.end);
                prop_assert_eq!(rows.iter().count(), rows.len());
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_goes_back_is_no_list() {
        let packed = Rows::pack(&["one", "", "three"]).unwrap().packed().to_vec();
        for length in 0..packed.len() {
            let cut = Rc::new(packed.get(..length).unwrap().to_vec());
            assert_eq!(Rows::open(&cut, 0..length), None, "{length}");
        }
        let mut longer = packed.clone();
        longer.push(0);
        assert_eq!(Rows::open(&Rc::new(longer), 0..packed.len() + 1), None);
        assert_eq!(Rows::open(&Rc::new(packed.clone()), 0..packed.len() + 1), None);
        let mut back = packed;
        *back.get_mut(2 * NUMBER).unwrap() = 2;
        assert_eq!(Rows::open(&Rc::new(back.clone()), 0..back.len()), None);
    }
}
