//! What options are written as: parts of frames, and sizes.
//! **Invariant:** what is refused is told how to write it.
//! It does not know which options there are.

use inbetween_flow::Rect;

/// A part of a frame: left, top, width and height.
pub(super) fn region(text: &str) -> Result<Rect, String> {
    let numbers: Vec<f32> = text.split(',').map_while(|s| s.trim().parse().ok()).collect();
    let finite = numbers.iter().all(|n| n.is_finite()) && numbers.len() == text.split(',').count();
    match numbers[..] {
        [x, y, w, h] if finite && x >= 0.0 && y >= 0.0 && w >= 1.0 && h >= 1.0 => {
            Ok(Rect::new(x, y, x + w, y + h))
        }
        _ => Err("write it as 40,20,96,96: left, top, width and height in pixels".into()),
    }
}

/// Width and height.
pub(super) fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=4096).contains(n));
    text.split_once('x')
        .and_then(|(w, h)| Some((side(w)?, side(h)?)))
        .ok_or_else(|| "write it as 320x180, with sides from 1 to 4096".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_need_four_numbers() {
        assert_eq!(region("4,2,9,8.5"), Ok(Rect::new(4.0, 2.0, 13.0, 10.5)));
        for bad in ["4,2,9", "4,2,0,8", "-1,2,9,8", "4,2,inf,8", "a,b,c,d", "1,2,3,4,5", "1,2,3,4,x"] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_need_two_sides() {
        assert_eq!(size("320x180"), Ok((320, 180)));
        for bad in ["320", "0x4", "x", "320x", "9999x1", "3 x4"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
