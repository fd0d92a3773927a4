//! Classification, regression and raw vectors.
//! **Invariant:** distributions sum to one within rounding, or the value is refused.
//! It does not calibrate: `decide` does.

use inbetween_card::{Activation, ClassificationHead};
use inbetween_flow::{Label, Value};

use super::{sigmoid, ssd::best};

#[derive(Clone, Copy, Debug)]
pub(super) enum Vector {
    Classes { activation: Activation, label: bool },
    Scalar { scale: f32, offset: f32 },
    Numbers { scale: f32, offset: f32 },
}

impl Vector {
    pub(super) fn classes(h: &ClassificationHead, shape: &[usize]) -> Result<Self, (usize, String)> {
        let single = matches!(h.activation, Activation::Sigmoid | Activation::Probability);
        expect(shape, if single { 1 } else { h.classes })?;
        Ok(Self::Classes { activation: h.activation, label: h.label })
    }

    pub(super) fn numbers(
        length: usize,
        scale: f32,
        offset: f32,
        shape: &[usize],
    ) -> Result<Self, (usize, String)> {
        expect(shape, length)?;
        Ok(if length == 1 { Self::Scalar { scale, offset } } else { Self::Numbers { scale, offset } })
    }

    pub(super) fn raw(length: usize, shape: &[usize]) -> Result<Self, (usize, String)> {
        expect(shape, length)?;
        Ok(Self::Numbers { scale: 1.0, offset: 0.0 })
    }

    pub(super) fn decode(&self, data: &[f32]) -> Value {
        match *self {
            Self::Scalar { scale, offset } => Value::Scalar(data[0] * scale + offset),
            Self::Numbers { scale, offset } => {
                Value::Vector(data.iter().map(|x| x * scale + offset).collect())
            }
            Self::Classes { activation, label } => {
                let p = distribution(data, activation);
                if label {
                    let (class, score) = best(&p);
                    Value::Label(Label { class, score })
                } else {
                    Value::Probabilities(p)
                }
            }
        }
    }
}

fn distribution(data: &[f32], activation: Activation) -> Vec<f32> {
    match activation {
        Activation::Sigmoid => {
            let p = sigmoid(data[0]);
            vec![1.0 - p, p]
        }
        Activation::Probability => vec![1.0 - data[0], data[0]],
        Activation::Probabilities => {
            let sum: f32 = data.iter().sum();
            // A sum that is not near one means that these are no probabilities: the value check refuses them.
            if (sum - 1.0).abs() < 0.05 { data.iter().map(|x| x / sum).collect() } else { data.to_vec() }
        }
        Activation::Softmax => {
            let max = data.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut p: Vec<f32> = data.iter().map(|x| (x - max).exp()).collect();
            let sum: f32 = p.iter().sum();
            for x in &mut p {
                *x /= sum;
            }
            p
        }
    }
}

/// Whether a tensor holds `length` numbers.
pub(super) fn expect(shape: &[usize], length: usize) -> Result<(), (usize, String)> {
    if shape.iter().product::<usize>() == length {
        Ok(())
    } else {
        Err((0, format!("shape {shape:?} does not hold {length} numbers")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_survives_large_logits() {
        let p = distribution(&[1000.0, 1000.0, -1000.0], Activation::Softmax);
        assert_eq!(p, [0.5, 0.5, 0.0]);
    }

    #[test]
    fn one_number_makes_two_classes() {
        assert_eq!(distribution(&[0.0], Activation::Sigmoid), [0.5, 0.5]);
        assert_eq!(distribution(&[0.25], Activation::Probability), [0.75, 0.25]);
    }

    #[test]
    fn logits_given_as_probabilities_are_refused() {
        let value =
            Vector::Classes { activation: Activation::Probabilities, label: false }.decode(&[3.0, 4.0]);
        assert!(value.fault().is_some());
        let value =
            Vector::Classes { activation: Activation::Probabilities, label: true }.decode(&[0.2, 0.8]);
        assert_eq!(value, Value::Label(Label { class: 1, score: 0.8 }));
    }

    #[test]
    fn numbers_are_scaled() {
        let shape = [1, 2];
        assert_eq!(
            Vector::numbers(2, 2.0, 1.0, &shape).unwrap().decode(&[1.0, 2.0]),
            Value::Vector(vec![3.0, 5.0])
        );
        assert_eq!(Vector::numbers(1, 2.0, 1.0, &[1]).unwrap().decode(&[1.0]), Value::Scalar(3.0));
        assert!(Vector::raw(3, &shape).is_err());
    }
}
