//! Reading the fields of a tar's header block: v7, USTAR, GNU and star alike, as Go's reader does.

/// Whether the block's checksum matches, counted with or without sign, as old writers did.
pub fn sealed(block: &[u8]) -> bool {
    let Some(field) = block.get(148..156) else { return false };
    let blanks = i64::from(b' ') << 3;
    let unsigned = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(*byte)).sum::<i64>();
    let signed = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(*byte as i8)).sum::<i64>();
    octal(field).and_then(|said| i64::try_from(said).ok()).is_some_and(|said| {
        said == unsigned(block).saturating_sub(unsigned(field)).saturating_add(blanks)
            || said == signed(block).saturating_sub(signed(field)).saturating_add(blanks)
    })
}

/// A number in octal, or in base 256 as GNU tar writes what octal cannot hold. Negative ones are none.
pub fn number(field: &[u8]) -> Option<u64> {
    u64::try_from(signed(field)?).ok()
}

/// The same, also negative.
pub fn signed(field: &[u8]) -> Option<i64> {
    let Some((first @ 0x80.., rest)) = field.split_first() else { return i64::try_from(octal(field)?).ok() };
    // A negative number is the complement of one that is not.
    let flip = if first & 0x40 == 0 { 0 } else { 0xff };
    let value = rest.iter().try_fold(i64::from((first ^ flip) & 0x3f), |value, byte| {
        value.checked_mul(256)?.checked_add(i64::from(byte ^ flip))
    })?;
    Some(if flip == 0 { value } else { !value })
}

/// Blanks and NULs around the digits do not count; no digits are 0.
fn octal(field: &[u8]) -> Option<u64> {
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at.saturating_add(1));
    let digits = field.get(start..end)?.split(|byte| *byte == 0).next()?;
    digits.iter().try_fold(0_u64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit.saturating_sub(b'0'))),
        _ => None,
    })
}

/// The name in a header, with its prefix.
pub fn name(block: &[u8]) -> Vec<u8> {
    match text(block, 345, 500) {
        prefix @ [_, ..] if block.get(257..263) == Some(b"ustar\0") => [prefix, b"/", text(block, 0, 100)].concat(),
        _ => text(block, 0, 100).to_vec(),
    }
}

/// The text of a field, up to its first NUL.
pub fn text(block: &[u8], from: usize, to: usize) -> &[u8] {
    let field: &[u8] = block.get(from..to).unwrap_or_default();
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        let cases: [(&[u8], Option<u64>); 12] = [
            (b"0000644\0", Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"\x00\x00644\0\0", Some(0o644)),
            (b"\0\0\0", Some(0)),
            (b"", Some(0)),
            (b"12 34\0", None),
            (b"8", None),
            (b"-1", None),
            (b"+1", None),
            (b"7777777777777777777777777", None),
            (&[0x80, 1, 0], Some(256)),
            (&[0xff; 12], None),
        ];
        for (field, expected) in cases {
            assert_eq!(number(field), expected, "{}", field.escape_ascii());
        }
        assert_eq!(number(&[0xbf; 12]), None);
        for (field, expected) in
            [(&[0xff; 12][..], Some(-1)), (&[0xff, 0xfe], Some(-2)), (&[0xff, 0, 0], Some(-65536)), (&[0xc0; 12], None)]
        {
            assert_eq!(signed(field), expected);
        }
    }

    #[test]
    fn the_prefix_is_of_ustar_alone() {
        let mut block = [0; 512];
        block[..4].copy_from_slice(b"base");
        block[345..348].copy_from_slice(b"dir");
        assert_eq!(name(&block), b"base");
        block[257..265].copy_from_slice(b"ustar\x0000");
        assert_eq!(name(&block), b"dir/base");
    }

    #[test]
    fn a_checksum_counts_with_or_without_sign() {
        let mut block = [0; 512];
        block[..2].copy_from_slice(&[0xff, 1]);
        for (sum, expected) in [(256 + 256, true), (256, true), (257, false)] {
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            assert_eq!(sealed(&block), expected, "{sum}");
        }
        assert!(!sealed(&block[..100]));
    }
}
