//! Masks of one thing.
//! **Invariant:** a mask has at most 256 × 256 cells, which lie where the model's picture lies in the frame.
//! It does not choose a threshold: a cell says how much of it is inside.

use inbetween_card::MaskHead;
use inbetween_flow::{Mask, Rect};

use super::sigmoid;
use crate::input::Placement;

#[derive(Clone, Debug)]
pub(super) struct Grid {
    width: usize,
    height: usize,
    channels: usize,
    channel: usize,
    /// For logits.
    sigmoid: Option<Box<Bytes>>,
    /// Cells of the model for each cell of the mask, along each axis.
    block: usize,
}

impl Grid {
    pub(super) fn new(h: &MaskHead, shape: &[usize]) -> Result<Self, (usize, String)> {
        let wanted = h.width.checked_mul(h.height).and_then(|n| n.checked_mul(h.channels));
        if wanted != Some(shape.iter().product()) || h.channel >= h.channels {
            let (w, height, c) = (h.width, h.height, h.channels);
            return Err((0, format!("shape {shape:?} does not hold {height} rows of {w} cells of {c}")));
        }
        let block = h.width.max(h.height).div_ceil(usize::from(Mask::MOST)).max(1);
        let (width, height) = (h.width, h.height);
        let sigmoid = h.sigmoid.then(|| Box::new(Bytes::new()));
        Ok(Self { width, height, channels: h.channels, channel: h.channel, sigmoid, block })
    }

    pub(super) fn decode(&self, data: &[f32], placement: &Placement) -> Mask {
        let (width, height) = (self.width.div_ceil(self.block), self.height.div_ceil(self.block));
        let single = data.iter().skip(self.channel).step_by(self.channels).take(width * height);
        let cells = match &self.sigmoid {
            Some(bytes) if self.block == 1 => single.map(|raw| bytes.of(*raw)).collect(),
            None if self.block == 1 => single.map(|raw| byte(*raw)).collect(),
            _ => (0..width * height).map(|cell| byte(self.mean(data, cell % width, cell / width))).collect(),
        };
        // The last cells of a row or column may reach beyond the picture.
        let beyond = |cells: usize, size: usize| (cells * self.block) as f32 / size as f32;
        let (w, h) = (placement.model.0 as f32, placement.model.1 as f32);
        let picture = Rect::new(0.0, 0.0, w * beyond(width, self.width), h * beyond(height, self.height));
        Mask { width: width as u16, height: height as u16, bounds: placement.rect_to_frame(&picture), cells }
    }

    /// Mean probability of a block, from 0 to 1.
    fn mean(&self, data: &[f32], x: usize, y: usize) -> f32 {
        let range = |at: usize, size: usize| at * self.block..((at + 1) * self.block).min(size);
        let (rows, columns) = (range(y, self.height), range(x, self.width));
        let count = rows.len() * columns.len();
        let belief = |raw: f32| if self.sigmoid.is_some() { sigmoid(raw) } else { raw.clamp(0.0, 1.0) };
        let sum: f32 = rows
            .flat_map(|y| columns.clone().map(move |x| y * self.width + x))
            .map(|i| belief(data[i * self.channels + self.channel]))
            .sum();
        sum / count.max(1) as f32
    }
}

/// A share as a byte.
fn byte(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

/// Logits as bytes of their probabilities, without an exponential for each: those of 65,536 cells are most of a mask's cost.
#[derive(Clone, Debug)]
struct Bytes {
    /// The logit from which on a byte is `i + 1` at least.
    from: [f32; 255],
    /// The byte at the start of each step of logits.
    start: [u8; Self::STEPS],
}

impl Bytes {
    /// The first and last bytes begin at ∓ ln 509 = ∓ 6.23.
    const LEAST: f32 = -6.5;
    /// In a step of logits there are two bytes at most: the sigmoid rises by 255 / 4 a logit at most.
    const STEPS_PER_LOGIT: f32 = 32.0;
    const STEPS: usize = (-2.0 * Self::LEAST * Self::STEPS_PER_LOGIT) as usize;

    fn new() -> Self {
        // Where 255 times the sigmoid is a half more than `i`.
        let from: [f32; 255] = std::array::from_fn(|i| {
            let half = i as f64 + 0.5;
            (half / (255.0 - half)).ln() as f32
        });
        let start = std::array::from_fn(|step| {
            let logit = step as f32 / Self::STEPS_PER_LOGIT + Self::LEAST;
            from.partition_point(|f| *f <= logit) as u8
        });
        Self { from, start }
    }

    /// `round(255 / (1 + exp(-logit)))`; 0 for what is no number.
    fn of(&self, logit: f32) -> u8 {
        let step = ((logit - Self::LEAST) * Self::STEPS_PER_LOGIT) as usize;
        let mut byte = self.start[step.min(Self::STEPS - 1)];
        while self.from.get(usize::from(byte)).is_some_and(|from| *from <= logit) {
            byte += 1;
        }
        byte
    }
}

#[cfg(test)]
mod tests {
    use inbetween_card::OutputRef;
    use inbetween_flow::{Point, Value};

    use super::*;

    fn head(width: usize, height: usize) -> MaskHead {
        MaskHead { output: OutputRef::Index(0), width, height, channels: 1, channel: 0, sigmoid: false }
    }

    fn placement(model: (u32, u32)) -> Placement {
        Placement { scale: Point::new(2.0, 3.0), origin: Point::new(10.0, 20.0), frame: (4000, 4000), model }
    }

    #[test]
    fn probabilities_become_shares_in_frame_pixels() {
        let grid = Grid::new(&head(3, 2), &[1, 2, 3, 1]).unwrap();
        let mask = grid.decode(&[0.0, 0.5, 1.0, 1.2, -0.1, 0.25], &placement((6, 4)));
        assert_eq!((mask.width, mask.height), (3, 2));
        assert_eq!(mask.cells, [0, 128, 255, 255, 0, 64]);
        assert_eq!(mask.bounds, Rect::new(10.0, 20.0, 22.0, 32.0));
        assert_eq!(Value::Mask(mask).fault(), None);
        assert!(Grid::new(&head(4, 2), &[1, 2, 3, 1]).is_err());
    }

    #[test]
    fn channels_are_chosen_and_logits_become_probabilities() {
        let head = MaskHead { channels: 2, channel: 1, sigmoid: true, ..head(2, 1) };
        let grid = Grid::new(&head, &[1, 1, 2, 2]).unwrap();
        assert_eq!(grid.decode(&[9.0, 0.0, 9.0, -200.0], &placement((2, 1))).cells, [128, 0]);
    }

    #[test]
    fn bytes_of_logits_are_those_of_the_sigmoid() {
        let bytes = Bytes::new();
        for i in -200_000..=200_000 {
            let logit = i as f32 * 1e-4;
            let exact = 255.0 * sigmoid(logit);
            let found = bytes.of(logit);
            assert!((f32::from(found) - exact).abs() <= 0.5 + 1e-4, "{logit}: {found} instead of {exact}");
        }
        assert_eq!([f32::NEG_INFINITY, f32::INFINITY, f32::NAN].map(|x| bytes.of(x)), [0, 255, 0]);
    }

    #[test]
    fn large_grids_are_averaged_down() {
        let grid = Grid::new(&head(514, 3), &[1, 3, 514, 1]).unwrap();
        let mut data = vec![0.0; 514 * 3];
        data[0] = 1.0;
        let mask = grid.decode(&data, &placement((514, 3)));
        assert_eq!((mask.width, mask.height), (172, 1));
        assert_eq!(mask.cells[0], 28); // one of nine
        assert!((mask.bounds.x1 - (10.0 + 2.0 * 516.0)).abs() < 1e-2);
    }
}
