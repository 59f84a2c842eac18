//! The nearest known word, for people who mistyped one.

/// The known word that `text` was most likely meant to be: at most three letters away, and at most half of either word.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text: Vec<char> = text.to_ascii_lowercase().chars().take(LONGEST).collect();
    let near = |known: &'a str| {
        let letters: Vec<char> = known.chars().collect();
        let distance = distance(&text, &letters);
        let most = (text.len().min(letters.len()) / 2).min(3);
        (distance <= most).then_some((distance, known))
    };
    known.filter_map(near).min().map(|(_, known)| known)
}

/// How many letters have to be put in, taken out or changed.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in one.iter().enumerate() {
        let mut next = vec![number.saturating_add(1)];
        for ((diagonal, above), known) in row.iter().zip(row.iter().skip(1)).zip(other) {
            let changed = diagonal.saturating_add(usize::from(letter != known));
            let left = next.last().copied().unwrap_or_default();
            next.push(changed.min(above.saturating_add(1)).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Nothing known is as long, and the time is bounded.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (one, other, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("nmae", "name", 2), ("é", "e", 1)]
        {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&letters(one), &letters(other)), expected, "{one} {other}");
        }
    }

    #[test]
    fn only_what_is_near_is_offered() {
        let known = ["type", "name", "push", "store", "compression", "compression-level"];
        for (text, expected) in [
            ("compresion", Some("compression")),
            ("compression-levle", Some("compression-level")),
            ("nmae", Some("name")),
            ("PUHS", Some("push")),
            ("tar", None),
            ("dest", None),
            ("unpack", None),
            ("force-compression", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, known.into_iter()), expected, "{text}");
        }
        assert_eq!(nearest(&"compression".repeat(1000), known.into_iter()), None);
    }
}
