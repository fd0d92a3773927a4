//! Reads a scene file and refuses what cannot be built, with the line to mend.
//! **Invariant:** after `check` every number is finite and in the range that the simulator is written for.
//! It does not change what the file says, except that a missing family is the name.

use std::ops::Range;

use super::{Change, Edge, LatencySpec, Motion, Num, Object, Pattern, SceneSpec, Texture};

/// Why a scene file is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SceneError {
    /// Not TOML, an unknown field, or a value of the wrong kind.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line of the file, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A value out of range.
    #[error("line {line}: {field} must be {must}")]
    Field {
        /// Line of the file, from 1; 1 when the field is not in the file.
        line: usize,
        /// Path of the field.
        field: String,
        /// What it must be.
        must: &'static str,
    },
}

/// Most frames of a scene: more would take minutes to render.
const MAX_FRAMES: f64 = 200_000.0;
/// Most objects of a scene, all copies in all shots together.
const MAX_OBJECTS: u32 = 2_000;
/// Most shots of a scene: each has a background of its own.
const MAX_SHOTS: usize = 64;
/// Most pixels that the textures of all objects may have together: 256 MB.
const MAX_TEXELS: f64 = 64e6;
/// Most turns of all random walks of one kind of object.
const MAX_TURNS: f64 = 2e6;

impl SceneSpec {
    /// Reads a scene file.
    ///
    /// # Errors
    /// With the line and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, SceneError> {
        let mut spec: Self = toml::from_str(text).map_err(|e| SceneError::Syntax {
            line: e.span().map_or(1, |span| line_at(text, &span)),
            message: e.message().trim().to_owned(),
        })?;
        if spec.family.is_empty() {
            spec.family.clone_from(&spec.name);
        }
        spec.check().map_err(|(field, must)| SceneError::Field {
            line: line_of(text, &field),
            field,
            must,
        })?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), (String, &'static str)> {
        let c = &mut Checker::default();
        c.ok(
            "name",
            !self.name.is_empty() && self.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "letters, digits and dashes",
        );
        c.range("duration_s", self.duration_s, 0.1, 3600.0, "from 0.1 to 3600");
        let camera = &self.camera;
        c.range("camera.width", f64::from(camera.width), 16.0, 4096.0, "from 16 to 4096");
        c.range("camera.height", f64::from(camera.height), 16.0, 4096.0, "from 16 to 4096");
        c.range("camera.fps", camera.fps, 1.0, 1000.0, "from 1 to 1000");
        c.range(
            "duration_s",
            self.duration_s * camera.fps.max(1.0),
            0.0,
            MAX_FRAMES,
            "short enough for 200000 frames",
        );
        c.range(
            "camera.jitter_ms",
            camera.jitter_ms,
            0.0,
            400.0 / camera.fps.max(1.0),
            "from 0 to 40% of a frame period",
        );
        c.range("camera.drop_rate", camera.drop_rate, 0.0, 0.95, "from 0 to 0.95");
        c.range("camera.delivery_ms", camera.delivery_ms, 0.0, 1000.0, "from 0 to 1000");
        c.range(
            "camera.shutter_ms",
            camera.shutter_ms,
            0.0,
            1000.0 / camera.fps.max(1.0),
            "from 0 to one frame period",
        );
        c.range("camera.noise", camera.noise, 0.0, 100.0, "from 0 to 100");
        c.motions("camera.pan", &camera.pan);
        c.changes("camera.zoom", &camera.zoom);
        c.changes("camera.roll_deg", &camera.roll_deg);
        c.changes("light.exposure_ev", &self.light.exposure_ev);
        c.range("light.flicker", self.light.flicker, 0.0, 1.0, "from 0 to 1");
        c.range("light.flicker_hz", self.light.flicker_hz, 0.0, 1000.0, "from 0 to 1000");
        c.texture("background.texture", &self.background.texture);
        c.ok(
            "background.texture.kind",
            self.background.texture.kind != Pattern::Behind,
            "another one than behind: nothing is behind the background",
        );
        c.range("background.parallax", self.background.parallax, 0.0, 4.0, "from 0 to 4");
        c.motions("background.motion", &self.background.motion);
        for (i, object) in self.objects.iter().enumerate() {
            c.object(&format!("objects.{i}"), object);
        }
        let copies = self.objects.iter().fold(0_u32, |n, o| n.saturating_add(o.count));
        let shots = self.views.as_ref().map_or(self.cuts_s.len() as u32 + 1, |v| v.count);
        if let Some(views) = &self.views {
            c.ok("views.count", (2..=32).contains(&views.count), "from 2 to 32");
            let dwell = &views.dwell_s;
            c.ok(
                "views.dwell_s",
                dwell.low >= 0.2 && dwell.high <= 3600.0 && self.duration_s / dwell.low.max(0.2) < MAX_VISITS,
                "from 0.2 to 3600, and long enough for fewer than 2000 visits",
            );
            c.ok("cuts_s", self.cuts_s.is_empty(), "left out where there are views");
        }
        if let Some(labels) = &self.labels {
            c.ok("labels", self.views.is_some(), "left out where there are no views to name");
            c.range("labels.error_rate", labels.error_rate, 0.0, 1.0, "from 0 to 1");
            c.range("labels.score", labels.score, 0.0, 1.0, "from 0 to 1");
        }
        c.ok("cuts_s", self.cuts_s.len() < MAX_SHOTS, "at most 63 times");
        let texels = self.objects.iter().map(|o| {
            let (w, h) = (o.size_px.high.min(512.0), (o.size_px.high * o.aspect.high).min(512.0));
            f64::from(o.count) * f64::from(shots) * w * h
        });
        c.ok(
            "objects",
            texels.sum::<f64>() <= MAX_TEXELS,
            "fewer or smaller: their textures need too much memory",
        );
        for (i, object) in self.objects.iter().enumerate() {
            let turns = object.motion.iter().chain(&object.scroll).map(|motion| match motion {
                Motion::RandomWalk { turn_s, .. } => self.duration_s / turn_s.low.max(0.05),
                _ => 0.0,
            });
            let turns = turns.sum::<f64>() * f64::from(object.count) * f64::from(shots);
            c.ok(
                &format!("objects.{i}.count"),
                turns <= MAX_TURNS,
                "smaller, or turn_s longer: too many turns",
            );
        }
        c.ok(
            "objects",
            copies.saturating_mul(shots) <= MAX_OBJECTS,
            "at most 2000, with all copies, in all shots",
        );
        c.ok(
            "cuts_s",
            self.cuts_s.iter().all(|t| t.is_finite() && *t > 0.0) && self.cuts_s.is_sorted_by(|a, b| a < b),
            "above 0 and in order of time",
        );
        c.range("display.hz", self.display.hz, 1.0, 1000.0, "from 1 to 1000");
        c.range(
            "display.jitter_ms",
            self.display.jitter_ms,
            0.0,
            400.0 / self.display.hz.max(1.0),
            "from 0 to 40% of a refresh period",
        );
        let d = &self.detector;
        c.range("detector.noise_px", d.noise_px, 0.0, 1000.0, "from 0 to 1000");
        c.range("detector.correlation_ms", d.correlation_ms, 0.0, 1e6, "from 0 to 1000000");
        c.range("detector.miss_rate", d.miss_rate, 0.0, 1.0, "from 0 to 1");
        c.range("detector.miss_burst_ms", d.miss_burst_ms, 0.0, 1e6, "from 0 to 1000000");
        c.range("detector.false_positives_per_min", d.false_positives_per_min, 0.0, 6000.0, "from 0 to 6000");
        c.range("detector.false_positive_ms", d.false_positive_ms, 1.0, 1e6, "from 1 to 1000000");
        c.range("detector.score", d.score, 0.0, 1.0, "from 0 to 1");
        c.range("detector.false_score", d.false_score, 0.0, 1.0, "from 0 to 1");
        c.range("detector.min_visible", d.min_visible, 0.0, 1.0, "from 0 to 1");
        let l = &self.latency;
        c.range("latency.median_ms", l.median_ms, 0.0, 60_000.0, "from 0 to 60000");
        c.range("latency.p95_ms", l.p95_ms, l.median_ms, 60_000.0, "from median_ms to 60000");
        c.range("latency.cold_ms", l.cold_ms, 0.0, 60_000.0, "from 0 to 60000");
        c.range("latency.idle_ms", l.idle_ms, 0.0, 1e7, "from 0 to 10000000");
        c.range("latency.throttle", l.throttle, 0.0, 100.0, "from 0 to 100");
        c.range("latency.throttle_s", l.throttle_s, 0.01, 1e5, "from 0.01 to 100000");
        c.steps(l);
        let t = &self.tolerance;
        c.range("tolerance.epsilon_px", t.epsilon_px, 0.01, 10_000.0, "from 0.01 to 10000");
        c.range("tolerance.miss_rate", t.miss_rate, 1e-6, 0.999, "above 0 and below 1");
        c.range("tolerance.grace_ms", t.grace_ms, 0.0, 60_000.0, "from 0 to 60000");
        c.range("tolerance.max_age_ms", t.max_age_ms, 1.0, 3.6e6, "from 1 to 3600000");
        c.range("tolerance.deadline_ms", t.deadline_ms, 1.0, 60_000.0, "from 1 to 60000");
        c.range("tolerance.duty", t.duty, 1e-3, 1.0, "from 0.001 to 1");
        c.first.take().map_or(Ok(()), Err)
    }
}

/// Identities have eleven bits for the visit.
const MAX_VISITS: f64 = 2000.0;

/// Keeps the first field that is wrong.
#[derive(Default)]
struct Checker {
    first: Option<(String, &'static str)>,
}

/// Larger than any sensible length, time or count in a scene.
const MILLION: f64 = 1e6;

impl Checker {
    fn ok(&mut self, field: &str, ok: bool, must: &'static str) {
        if !ok && self.first.is_none() {
            self.first = Some((field.to_owned(), must));
        }
    }

    /// Slower, cooler and taken at more heat from step to step, so that a device can settle.
    fn steps(&mut self, latency: &LatencySpec) {
        let field = |i: usize, name: &str| format!("latency.steps[{i}].{name}");
        if !latency.steps.is_empty() {
            self.range(
                "latency.throttle",
                latency.throttle,
                0.0,
                0.0,
                "0 where there are steps, which say it better",
            );
        }
        for (i, s) in latency.steps.iter().enumerate() {
            let before = i.checked_sub(1).map(|i| latency.steps[i]);
            let (mhz, watt) = before.map_or((1e5, 1e3), |b| (b.mhz, b.watt));
            self.range(&field(i, "mhz"), s.mhz, 1.0, mhz, "from 1 to that of the step before");
            self.range(&field(i, "watt"), s.watt, 1e-3, watt, "from 0.001 to that of the step before");
            let (slower, most) = before.map_or((1.0, 1.0), |b| (b.slower, 1000.0));
            self.range(
                &field(i, "slower"),
                s.slower,
                slower,
                most,
                "1 in the first step, and no less than before",
            );
            let heat = before.map_or((0.0, 0.0), |b| (b.from_heat + 1e-3, 1.0));
            self.range(
                &field(i, "from_heat"),
                s.from_heat,
                heat.0,
                heat.1,
                "0 in the first step, then rising, up to 1",
            );
            let back = before.map_or((0.0, 0.0), |b| (b.from_heat, s.from_heat));
            self.range(
                &field(i, "back_heat"),
                s.back_heat,
                back.0,
                back.1,
                "between from_heat of the step before and its own",
            );
        }
    }

    fn range(&mut self, field: &str, x: f64, low: f64, high: f64, must: &'static str) {
        self.ok(field, (low..=high).contains(&x), must);
    }

    fn num(&mut self, field: &str, x: Num, low: f64, high: f64, must: &'static str) {
        self.ok(field, x.within(low, high), must);
    }

    fn texture(&mut self, path: &str, t: &Texture) {
        self.num(&format!("{path}.brightness"), t.brightness, 0.0, 255.0, "from 0 to 255");
        self.num(&format!("{path}.contrast"), t.contrast, 0.0, 2.0, "from 0 to 2");
        self.num(&format!("{path}.cell_px"), t.cell_px, 1.0, 4096.0, "from 1 to 4096");
        let tint_ok = t.tint_rgb.is_none_or(|rgb| rgb.iter().all(|c| (0.0..=255.0).contains(c)));
        self.ok(&format!("{path}.tint_rgb"), tint_ok, "three numbers from 0 to 255");
        match (&t.photo, t.kind) {
            (Some(photo), Pattern::Photo) => {
                let [x0, y0, x1, y1] = photo.crop;
                let inside = |a: f64, b: f64| a >= 0.0 && b - a >= 1e-3 && b <= 1.0;
                let must = "[left, top, right, bottom] in order, as shares from 0 to 1";
                self.ok(&format!("{path}.photo.crop"), inside(x0, x1) && inside(y0, y1), must);
                self.ok(&format!("{path}.photo.name"), !photo.name.is_empty(), "the name of a photograph");
                let width = photo.width_px.unwrap_or(16.0);
                self.range(&format!("{path}.photo.width_px"), width, 16.0, 4096.0, "from 16 to 4096");
            }
            (None, Pattern::Photo) => {
                self.ok(&format!("{path}.photo"), false, "given for a texture of this kind");
            }
            (Some(_), _) => {
                self.ok(&format!("{path}.photo"), false, "left out: the texture's kind is not \"photo\"");
            }
            (None, _) => {}
        }
    }

    fn object(&mut self, path: &str, o: &Object) {
        self.ok(&format!("{path}.count"), (1..=1000).contains(&o.count), "from 1 to 1000");
        self.texture(&format!("{path}.texture"), &o.texture);
        let still = o.edge == Edge::Leave && o.motion.is_empty() && o.grow.is_empty() && o.squeeze.is_empty();
        self.ok(
            &format!("{path}.texture.kind"),
            o.texture.kind != Pattern::Behind || (still && o.rotate_deg.is_empty()),
            "behind only for an object that stays where it is in the picture: edge = \"leave\" and no motion of its own",
        );
        self.num(&format!("{path}.size_px"), o.size_px, 1.0, 4096.0, "from 1 to 4096");
        self.num(&format!("{path}.aspect"), o.aspect, 0.05, 20.0, "from 0.05 to 20");
        self.num(&format!("{path}.x"), o.x, -10.0, 10.0, "from -10 to 10 (a share of the frame width)");
        self.num(&format!("{path}.y"), o.y, -10.0, 10.0, "from -10 to 10 (a share of the frame height)");
        self.num(&format!("{path}.from_s"), o.from_s, 0.0, 3600.0, "from 0 to 3600");
        if let Some(x) = o.for_s {
            self.num(&format!("{path}.for_s"), x, 0.01, 3600.0, "from 0.01 to 3600");
        }
        self.range(&format!("{path}.edge_gap_px"), o.edge_gap_px, 0.0, 1e5, "from 0 to 100000");
        self.motions(&format!("{path}.motion"), &o.motion);
        self.motions(&format!("{path}.scroll"), &o.scroll);
        self.changes(&format!("{path}.grow"), &o.grow);
        self.changes(&format!("{path}.squeeze"), &o.squeeze);
        self.changes(&format!("{path}.rotate_deg"), &o.rotate_deg);
    }

    fn motions(&mut self, path: &str, motions: &[Motion]) {
        for (i, motion) in motions.iter().enumerate() {
            let at = |kind: &str, key: &str| format!("{path}.{i}.{kind}.{key}");
            let (positive, finite) = ("from 0.01 to 1000000", "from -1000000 to 1000000");
            match motion {
                Motion::Linear { speed_px_s, direction_deg } => {
                    self.num(&at("linear", "speed_px_s"), *speed_px_s, -MILLION, MILLION, finite);
                    self.num(&at("linear", "direction_deg"), *direction_deg, -MILLION, MILLION, finite);
                }
                Motion::Accelerate { acceleration_px_s2, period_s, direction_deg } => {
                    self.num(
                        &at("accelerate", "acceleration_px_s2"),
                        *acceleration_px_s2,
                        -MILLION,
                        MILLION,
                        finite,
                    );
                    self.num(&at("accelerate", "period_s"), *period_s, 0.01, MILLION, positive);
                    self.num(&at("accelerate", "direction_deg"), *direction_deg, -MILLION, MILLION, finite);
                }
                Motion::Sinusoid { amplitude_px, period_s, phase_deg, direction_deg } => {
                    self.num(&at("sinusoid", "amplitude_px"), *amplitude_px, -MILLION, MILLION, finite);
                    self.num(&at("sinusoid", "period_s"), *period_s, 0.01, MILLION, positive);
                    self.num(&at("sinusoid", "phase_deg"), *phase_deg, -MILLION, MILLION, finite);
                    self.num(&at("sinusoid", "direction_deg"), *direction_deg, -MILLION, MILLION, finite);
                }
                Motion::StopAndGo { speed_px_s, go_s, stop_s, direction_deg } => {
                    self.num(&at("stop_and_go", "speed_px_s"), *speed_px_s, -MILLION, MILLION, finite);
                    self.num(&at("stop_and_go", "go_s"), *go_s, 0.01, MILLION, positive);
                    self.num(&at("stop_and_go", "stop_s"), *stop_s, 0.0, MILLION, "from 0 to 1000000");
                    self.num(&at("stop_and_go", "direction_deg"), *direction_deg, -MILLION, MILLION, finite);
                }
                Motion::RandomWalk { speed_px_s, turn_s } => {
                    self.num(&at("random_walk", "speed_px_s"), *speed_px_s, -MILLION, MILLION, finite);
                    self.num(&at("random_walk", "turn_s"), *turn_s, 0.05, MILLION, "from 0.05 to 1000000");
                }
                Motion::Shake { amplitude_px, frequency_hz } => {
                    self.num(&at("shake", "amplitude_px"), *amplitude_px, 0.0, MILLION, "from 0 to 1000000");
                    self.num(&at("shake", "frequency_hz"), *frequency_hz, 0.0, 1000.0, "from 0 to 1000");
                }
                Motion::Keys { points, .. } => {
                    let finite = points.iter().flatten().all(|x| x.abs() <= MILLION);
                    let sorted =
                        points.is_sorted_by(|a, b| a[0] < b[0]) && points.iter().all(|p| p[0] >= 0.0);
                    self.ok(
                        &at("keys", "points"),
                        !points.is_empty() && finite && sorted,
                        "at least one [seconds, x_px, y_px], in order of time, from 0",
                    );
                }
            }
        }
    }

    fn changes(&mut self, path: &str, changes: &[Change]) {
        for (i, change) in changes.iter().enumerate() {
            let at = |kind: &str, key: &str| format!("{path}.{i}.{kind}.{key}");
            let finite = "from -1000000 to 1000000";
            match change {
                Change::Wave { amplitude, period_s, phase_deg } => {
                    self.num(&at("wave", "amplitude"), *amplitude, -MILLION, MILLION, finite);
                    self.num(&at("wave", "period_s"), *period_s, 0.01, MILLION, "from 0.01 to 1000000");
                    self.num(&at("wave", "phase_deg"), *phase_deg, -MILLION, MILLION, finite);
                }
                Change::Ramp { from_s, until_s, by } => {
                    self.num(&at("ramp", "from_s"), *from_s, -MILLION, MILLION, finite);
                    self.ok(
                        &at("ramp", "until_s"),
                        until_s.high <= MILLION && until_s.low > from_s.high,
                        "after from_s",
                    );
                    self.num(&at("ramp", "by"), *by, -MILLION, MILLION, finite);
                }
                Change::Step { at_s, by } => {
                    self.num(&at("step", "at_s"), *at_s, -MILLION, MILLION, finite);
                    self.num(&at("step", "by"), *by, -MILLION, MILLION, finite);
                }
                Change::Rate { per_s } => self.num(&at("rate", "per_s"), *per_s, -MILLION, MILLION, finite),
            }
        }
    }
}

fn line_at(text: &str, span: &Range<usize>) -> usize {
    text.as_bytes().iter().take(span.start).filter(|b| **b == b'\n').count() + 1
}

/// The line on which the deepest part of `field` that the file has stands.
fn line_of(text: &str, field: &str) -> usize {
    use toml::de::{DeTable, DeValue};
    let Ok(root) = DeTable::parse(text) else { return 1 };
    let mut span: Option<Range<usize>> = None;
    let mut parts = field.split('.');
    let Some(found) = parts.next().and_then(|part| root.get_ref().get(part)) else { return 1 };
    let mut here = found;
    span = Some(span.unwrap_or(here.span()));
    for part in parts {
        let next = match here.get_ref() {
            DeValue::Table(table) => table.get(part),
            DeValue::Array(list) => part.parse::<usize>().ok().and_then(|i| list.get(i)),
            _ => None,
        };
        let Some(next) = next else { break };
        span = Some(next.span());
        here = next;
    }
    span.map_or(1, |span| line_at(text, &span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(text: &str) -> String {
        SceneSpec::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_least_scene_is_a_name() {
        let spec = SceneSpec::parse("name = \"empty\"").unwrap();
        assert_eq!((spec.family.as_str(), spec.split.as_str()), ("empty", "test"));
    }

    #[test]
    fn errors_name_the_line() {
        assert!(refuse("name = \"a\"\n[camera]\nfsp = 30\n").starts_with("line 3: unknown field `fsp`"));
        let text = "name = \"a\"\n\n[[objects]]\nsize_px = 20\n[[objects]]\nx = 0.5\nsize_px = [0, 9]\n";
        assert_eq!(refuse(text), "line 7: objects.1.size_px must be from 1 to 4096");
        assert!(refuse("name = \"a\"\n[camera]\nfps = 0\n").starts_with("line 3: camera.fps must be"));
        assert!(refuse("name = \"a\"\nduration_s = \n").starts_with("line 2:"));
        assert!(refuse("duration_s = 3\n").contains("missing field `name`"));
        let range = refuse("name = \"a\"\n[[objects]]\nsize_px = [9, 3]\n");
        assert!(range.starts_with("line 3:") && range.contains("[low, high]"), "{range}");
        let motion = refuse("name = \"a\"\n[[objects]]\nmotion = [\n  { linear = { speed = 3 } },\n]\n");
        assert!(motion.starts_with("line 4: ") && motion.contains("speed"), "{motion}");
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        assert!(refuse("name = \"a\"\n[[objects]]\nx = nan\n").contains("finite"));
        assert!(refuse("name = \"a\"\nduration_s = inf\n").starts_with("line 2: duration_s must be"));
    }
}
