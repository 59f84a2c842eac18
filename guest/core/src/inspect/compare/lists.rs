//! Which items of two lists belong together, so that one that is put in does not make all behind it differ.

use serde_json::value::RawValue;

use super::documents::parsed;

/// An item of either list, of both when they belong together: its position.
pub type Couple = (Option<usize>, Option<usize>);

/// Puts two lists beside each other, in their order: as many items as can be that go by the same name, and between them one by one. Long lists
/// go by position.
pub fn couples(a: &[&RawValue], b: &[&RawValue]) -> Vec<Couple> {
    let names = |list: &[&RawValue]| list.iter().map(|item| name(item.get())).collect::<Vec<_>>();
    let mut couples = Vec::new();
    let (mut from_a, mut from_b) = (0, 0);
    for (at_a, at_b) in common(&names(a), &names(b)).into_iter().chain([(a.len(), b.len())]) {
        couples.extend(between(from_a..at_a, from_b..at_b));
        if at_a < a.len() {
            couples.push((Some(at_a), Some(at_b)));
        }
        (from_a, from_b) = (at_a.saturating_add(1), at_b.saturating_add(1));
    }
    couples
}

/// Puts two lists beside each other one by one.
pub fn by_position(a: usize, b: usize) -> Vec<Couple> {
    between(0..a, 0..b).collect()
}

/// What an item goes by: a variable by what stands before `=`, a line of a history by the command, a descriptor by its digest, anything else by
/// what it is.
fn name(item: &str) -> String {
    if let Some(text) = parsed::<String>(item) {
        return text.split('=').next().unwrap_or_default().to_owned();
    }
    let members = parsed::<std::collections::BTreeMap<String, &RawValue>>(item).unwrap_or_default();
    let telling = ["created_by", "digest"].iter().find_map(|member| members.get(*member));
    telling.map_or(item, |value| value.get()).to_owned()
}

/// Of several longest lists of names in common the same one, whichever list comes first.
fn common(a: &[String], b: &[String]) -> Vec<(usize, usize)> {
    if b < a {
        return common(b, a).into_iter().map(|(one, other)| (other, one)).collect();
    }
    in_order(a.len(), b.len(), MOST, |one, other| a.get(one) == b.get(other))
}

/// The longest list of pairs that are the same and stand in the same order on both sides. Where more than `most` pairs would have to be looked
/// at, only those at the start.
pub fn in_order(a: usize, b: usize, most: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let start = (0..a.min(b)).take_while(|at| same(*at, *at)).count();
    let mut pairs: Vec<_> = (0..start).map(|at| (at, at)).collect();
    let (rest_a, rest_b) = (a.saturating_sub(start), b.saturating_sub(start));
    if rest_a.saturating_mul(rest_b) > most {
        return pairs;
    }
    // How many pairs there are from each two positions on, from the end.
    let width = rest_b.saturating_add(1);
    let mut lengths = vec![0_u32; rest_a.saturating_add(1).saturating_mul(width)];
    let at = |i: usize, j: usize| i.saturating_sub(start).saturating_mul(width).saturating_add(j.saturating_sub(start));
    let length = |lengths: &[u32], i: usize, j: usize| lengths.get(at(i, j)).copied().unwrap_or_default();
    for i in (start..a).rev() {
        for j in (start..b).rev() {
            let (below, right) = (i.saturating_add(1), j.saturating_add(1));
            let most = if same(i, j) {
                length(&lengths, below, right).saturating_add(1)
            } else {
                length(&lengths, below, j).max(length(&lengths, i, right))
            };
            if let Some(cell) = lengths.get_mut(at(i, j)) {
                *cell = most;
            }
        }
    }
    let (mut i, mut j) = (start, start);
    while i < a && j < b {
        let (below, right) = (i.saturating_add(1), j.saturating_add(1));
        if same(i, j) {
            pairs.push((i, j));
            (i, j) = (below, right);
        } else if length(&lengths, below, j) >= length(&lengths, i, right) {
            i = below;
        } else {
            j = right;
        }
    }
    pairs
}

/// One by one, and what is left over of either.
fn between(a: std::ops::Range<usize>, b: std::ops::Range<usize>) -> impl Iterator<Item = Couple> {
    let longer = a.len().max(b.len());
    (0..longer).map(move |step| (a.clone().nth(step), b.clone().nth(step)))
}

/// Pairs of items that are looked at.
const MOST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(a: &str, b: &str) -> String {
        let (a, b): (Vec<&RawValue>, Vec<&RawValue>) =
            (serde_json::from_str(a).unwrap(), serde_json::from_str(b).unwrap());
        let text = |item: Option<usize>| item.map_or("-".to_owned(), |item| item.to_string());
        couples(&a, &b).into_iter().map(|(a, b)| format!("{}{} ", text(a), text(b))).collect()
    }

    #[test]
    fn what_belongs_together_stands_together() {
        assert_eq!(told("[]", "[]"), "");
        assert_eq!(told("[1,2]", "[1,2]"), "00 11 ");
        assert_eq!(told(r#"["A=1","B=2"]"#, r#"["NEW=","A=1","B=3"]"#), "-0 01 12 ");
        assert_eq!(told(r#"["A=1","B=2","C=3"]"#, r#"["A=1","C=3"]"#), "00 1- 21 ");
        assert_eq!(told("[1,2,3]", "[4,5]"), "00 11 2- ");
        assert_eq!(told("[1,2,9]", "[1,7,8,9]"), "00 11 -2 23 ");
        assert_eq!(
            told(
                r#"[{"created":"1","created_by":"a"},{"created":"1","created_by":"b"}]"#,
                r#"[{"created":"2","created_by":"b"},{"created":"2"}]"#
            ),
            "0- 10 -1 "
        );
    }

    #[test]
    fn long_lists_go_by_position() {
        let list =
            |from: usize| format!("[{}]", (from..from + 3000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        assert!(told(&list(0), &list(1)).starts_with("00 11 22 "));
    }
}
