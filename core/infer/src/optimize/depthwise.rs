//! Convolutions of each channel by itself.
//! **Invariant:** whole vectors of channels everywhere: the last one overlaps where channels do not come out even.
//! It does not copy the input as a whole: a few rows with their padding are kept at a time.

use fearless_simd::{Simd, SimdFloat as _, f32x8};

use super::{
    simd::{Activation, Finish, Job, LANES, Residual, load},
    window::Window,
};

/// Pixels of a row that are summed at once, so that a weight is loaded once for them.
const PIXELS: usize = 4;

/// One run of a depthwise convolution.
pub(super) struct Depthwise<'a> {
    pub window: &'a Window,
    /// For each tap the weights of all channels.
    pub weights: &'a [f32],
    pub bias: &'a [f32],
    pub activation: &'a Activation,
    pub input: &'a [f32],
    pub residual: Option<Residual<'a>>,
    pub output: &'a mut [f32],
}

impl Job for Depthwise<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // The usual kernels with numbers that the compiler knows, so that it unrolls the taps.
        match (self.window.kernel, self.window.stride[1], self.window.dilation[1]) {
            ([3, 3], 1, 1) => self.rows(simd, [3, 3], 1, 1),
            ([3, 3], 2, 1) => self.rows(simd, [3, 3], 2, 1),
            ([5, 5], 1, 1) => self.rows(simd, [5, 5], 1, 1),
            ([5, 5], 2, 1) => self.rows(simd, [5, 5], 2, 1),
            (kernel, stride, dilation) => self.rows(simd, kernel, stride, dilation),
        }
    }
}

impl Depthwise<'_> {
    #[inline(always)]
    fn rows<S: Simd>(mut self, simd: S, kernel: [usize; 2], stride: usize, dilation: usize) {
        let window = self.window;
        let width = window.output[1];
        let mut ring = Ring::new(window);
        let mut starts = vec![0; kernel[0]];
        for y in 0..window.output[0] {
            ring.advance(y, self.input);
            for (tap, start) in starts.iter_mut().enumerate() {
                *start = ring.start(y, tap);
            }
            let row =
                Row { kernel, stride, dilation, y, starts: &starts, lines: &ring.lines, length: ring.length };
            if width < PIXELS {
                for x in 0..width {
                    self.pixels::<S, 1>(simd, &row, x);
                }
            } else {
                for x in (0..width).step_by(PIXELS) {
                    self.pixels::<S, PIXELS>(simd, &row, x.min(width - PIXELS));
                }
            }
        }
    }

    /// `P` pixels of a row from `x` on.
    #[inline(always)]
    fn pixels<S: Simd, const P: usize>(&mut self, simd: S, row: &Row<'_>, x: usize) {
        let channels = self.window.channels;
        let finish = Finish { residual: self.residual, activation: self.activation, channels };
        let step = row.stride * channels;
        let mut channel = 0;
        while channel < channels {
            let first = channel.min(channels - LANES);
            let mut sums = [load(simd, self.bias, first); P];
            for down in 0..row.kernel[0] {
                let line = &row.lines[row.starts[down]..][..row.length];
                for across in 0..row.kernel[1] {
                    let tap = down * row.kernel[1] + across;
                    let weight: f32x8<S> = load(simd, self.weights, tap * channels + first);
                    let at = (x * row.stride + across * row.dilation) * channels + first;
                    for (p, sum) in sums.iter_mut().enumerate() {
                        *sum = load(simd, line, at + p * step).mul_add(weight, *sum);
                    }
                }
            }
            for (p, sum) in sums.iter().enumerate() {
                finish.store(simd, *sum, row.y * self.window.output[1] + x + p, first, self.output);
            }
            channel += LANES;
        }
    }
}

/// A row of the output, and the rows of the input that it is made of.
struct Row<'a> {
    kernel: [usize; 2],
    stride: usize,
    dilation: usize,
    y: usize,
    starts: &'a [usize],
    lines: &'a [f32],
    length: usize,
}

/// The rows of the input that the kernel sees, with their padding.
struct Ring<'a> {
    window: &'a Window,
    lines: Vec<f32>,
    /// Floats of a row.
    length: usize,
    /// Rows that are kept.
    count: usize,
    /// The first row that was not kept yet, counted from the first row of padding.
    next: usize,
}

impl<'a> Ring<'a> {
    fn new(window: &'a Window) -> Self {
        let reach = |axis: usize| (window.kernel[axis] - 1) * window.dilation[axis] + 1;
        let length = ((window.output[1] - 1) * window.stride[1] + reach(1)) * window.channels;
        let count = reach(0);
        Self { window, lines: vec![0.0; count * length], length, count, next: 0 }
    }

    /// Where the row of a tap starts.
    #[inline(always)]
    fn start(&self, y: usize, tap: usize) -> usize {
        (y * self.window.stride[0] + tap * self.window.dilation[0]) % self.count * self.length
    }

    /// Keeps the rows for row `y` of the output.
    #[inline(always)]
    fn advance(&mut self, y: usize, input: &[f32]) {
        let [rows, columns] = self.window.input;
        let [above, before] = self.window.before;
        let first = y * self.window.stride[0];
        let (before, width) = (before * self.window.channels, columns * self.window.channels);
        for row in self.next.max(first)..first + self.count {
            let line = &mut self.lines[row % self.count * self.length..][..self.length];
            if row < above || row - above >= rows {
                line.fill(0.0);
                continue;
            }
            // Padding was zero from the start; a row may be wider than what the kernel sees.
            let before = before.min(self.length);
            let seen = width.min(self.length - before);
            line[before..before + seen].copy_from_slice(&input[(row - above) * width..][..seen]);
        }
        self.next = first + self.count;
    }
}
