"""The border of the SDK, crossed from Python: the scaffolding is the one that Kotlin and Swift use.

`cargo xtask test python` builds the library, generates the module and writes the vectors; INBETWEEN_BINDINGS is
the folder with all three.
"""

import gc
import json
import os
import struct
import sys
import threading
import unittest

FOLDER = os.environ.get("INBETWEEN_BINDINGS")
if FOLDER is None:
    raise SystemExit("INBETWEEN_BINDINGS is not set: run `cargo xtask test python`")
sys.path.insert(0, FOLDER)

import inbetween_ffi as sdk  # noqa: E402

with open(os.path.join(FOLDER, "vectors.json"), encoding="utf-8") as file:
    VECTORS = json.load(file)
CARD = VECTORS["card"]
MODEL = bytes.fromhex(VECTORS["model"])
MS = 1_000_000
SIDE = 64


def session(seed=1):
    return sdk.Session(CARD, MODEL, seed)


def geometry(**changed):
    fields = {
        "format": sdk.PixelFormat.GRAY8,
        "width": SIDE,
        "height": SIDE,
        "planes": [sdk.PlaneLayout(offset=0, row_stride=SIDE)],
        "rotation": sdk.Rotation.UPRIGHT,
        "mirror": False,
        "region": None,
    }
    return sdk.ImageGeometry(**{**fields, **changed})


def motion(shift_x, shift_y, xx, xy, yx, yy):
    return sdk.CameraMotion(shift_x=shift_x, shift_y=shift_y, xx=xx, xy=xy, yx=yx, yy=yy)


SENDER = sdk.MetricsSender(service="app", instance_high=1, instance_low=2, origin_unix_nanos=0)


def picture(column=2, row=1):
    """Dark, with a bright square of one of the model's cells."""
    rows = [bytearray(b"\x14" * SIDE) for _ in range(SIDE)]
    for y in range(row * 16, row * 16 + 16):
        rows[y][column * 16 : column * 16 + 16] = b"\xf0" * 16
    return b"".join(rows)


def frame(target, ms, pixels=None, **changed):
    return target.handle_frame((ms + 2) * MS, ms * MS, geometry(**changed), picture() if pixels is None else pixels)


def answered(target, ms=1000):
    """A session after its first run."""
    plan = frame(target, ms)
    target.run(plan.ticket)
    target.handle_completion((ms + 9) * MS, plan.ticket)
    return target


class EndToEnd(unittest.TestCase):
    def test_a_frame_becomes_an_answer(self):
        target = session()
        self.assertTrue(target.answer_at(0).source.is_unavailable())
        plan = frame(target, 1000)
        self.assertTrue(plan.is_run())
        self.assertEqual((plan.ticket, plan.reason), (1, sdk.RunReason.FIRST))
        self.assertGreater(plan.expires_nanos, 1002 * MS)
        self.assertTrue(target.run(plan.ticket).is_value())
        self.assertTrue(target.handle_completion(1009 * MS, plan.ticket).is_admitted())
        answer = target.answer_at(1016 * MS)
        self.assertEqual(answer.key_frame_nanos, 1000 * MS)
        self.assertEqual(answer.age_nanos, 16 * MS)
        self.assertEqual(answer.model_version, 1)
        (found,) = answer.value.boxes
        edges = (found.bounds.x0, found.bounds.y0, found.bounds.x1, found.bounds.y1)
        for edge, wanted in zip(edges, (32, 16, 48, 32)):
            self.assertAlmostEqual(edge, wanted, delta=1)
        self.assertIsNotNone(found.identity)

    def test_most_frames_are_skipped_and_answered(self):
        target, runs = session(), 0
        for ms in range(1000, 4000, 33):
            plan = frame(target, ms, picture(ms // 1000 - 1, 1))  # it jumps every second
            if plan.is_run():
                runs += 1
                target.run(plan.ticket)
                target.handle_completion((ms + 9) * MS, plan.ticket)
            self.assertTrue(target.answer_at((ms + 16) * MS).value.is_boxes())
        self.assertGreater(runs, 1)
        self.assertLess(runs, 45)

    def test_the_buffer_may_change_after_the_call(self):
        target = session()
        plan = frame(target, 1000, picture(0, 3))
        frame(target, 1033, picture(3, 0))
        target.run(plan.ticket)
        target.handle_completion(1040 * MS, plan.ticket)
        (found,) = target.answer_at(1041 * MS).value.boxes
        self.assertLess(found.bounds.x0, 8)

    def test_planes_have_offsets_and_strides(self):
        padded = b"\xff" * 7 + b"".join(
            picture()[y * SIDE : (y + 1) * SIDE] + b"\xff" * 16 for y in range(SIDE)
        )
        target = session()
        plan = frame(target, 1000, padded, planes=[sdk.PlaneLayout(offset=7, row_stride=80)])
        target.run(plan.ticket)
        target.handle_completion(1009 * MS, plan.ticket)
        (found,) = target.answer_at(1010 * MS).value.boxes
        self.assertAlmostEqual(found.bounds.x0, 32, delta=1)
        self.assertAlmostEqual(found.bounds.y0, 16, delta=1)

    def test_a_worker_thread_runs_the_model(self):
        target, ends = session(), []
        plan = frame(target, 1000)
        worker = threading.Thread(target=lambda: ends.append(target.run(plan.ticket)))
        worker.start()
        target.answer_at(1010 * MS)  # does not wait
        worker.join(30)
        self.assertTrue(ends[0].is_value())

    def test_two_sessions_on_two_threads_do_not_mix(self):
        targets, found = [session(1), session(2)], [None, None]

        def live(index):
            pixels = picture(index * 3, index)
            for ms in range(1000, 3000, 33):
                plan = frame(targets[index], ms, pixels)
                if plan.is_run():
                    targets[index].run(plan.ticket)
                    targets[index].handle_completion((ms + 9) * MS, plan.ticket)
            found[index] = targets[index].answer_at(3000 * MS).value.boxes

        threads = [threading.Thread(target=live, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for index in range(2):
            self.assertAlmostEqual(found[index][0].bounds.x0, index * 48, delta=1)

    def test_timeouts_environment_and_events(self):
        target = session()
        self.assertIsNone(target.poll_timeout())
        plan = frame(target, 1000)
        timeout = target.poll_timeout()
        self.assertEqual((timeout.at_nanos, timeout.reason.ticket), (plan.expires_nanos, plan.ticket))
        target.handle_environment(
            1003 * MS, sdk.Environment(thermal_headroom=0.5, power_saving=False, display_period_nanos=8 * MS)
        )
        target.handle_timeout(plan.expires_nanos)
        events = [target.poll_event() for _ in range(2)]
        self.assertEqual(events[0].ticket, plan.ticket)
        self.assertTrue(events[0].is_ticket_expired())
        self.assertIsNone(events[1])

    def test_the_version_is_told(self):
        self.assertRegex(sdk.sdk_version(), r"^\d+\.\d+\.\d+$")


class Tickets(unittest.TestCase):
    def test_each_ends_once(self):
        target = session()
        plan = frame(target, 1000)
        with self.assertRaises(sdk.SdkError.NotEnded) as raised:
            target.handle_completion(1003 * MS, plan.ticket)
        self.assertEqual((raised.exception.ticket, raised.exception.code()), (plan.ticket, 303))
        self.assertTrue(target.run(plan.ticket).is_value())
        self.assertTrue(target.run(plan.ticket).is_gone())
        self.assertTrue(target.handle_completion(1009 * MS, plan.ticket).is_admitted())
        self.assertTrue(target.handle_completion(1010 * MS, plan.ticket).is_unknown_ticket())
        self.assertTrue(target.run(plan.ticket).is_gone())

    def test_one_that_was_never_given_out_is_refused(self):
        target = answered(session())
        for ticket in (0, 2, 2**64 - 1):
            for call in (target.run, target.cancel, lambda t: target.handle_completion(1020 * MS, t)):
                with self.assertRaises(sdk.SdkError.UnknownTicket) as raised:
                    call(ticket)
                self.assertEqual((raised.exception.ticket, raised.exception.code()), (ticket, 302))

    def test_a_cancelled_run_is_a_result(self):
        target = session()
        plan = frame(target, 1000)
        target.cancel(plan.ticket)
        self.assertTrue(target.run(plan.ticket).is_gone())
        self.assertTrue(target.handle_completion(1004 * MS, plan.ticket).is_cancelled())

    def test_a_reset_ends_all(self):
        target = session()
        plan = frame(target, 1000)
        target.reset()
        self.assertTrue(target.run(plan.ticket).is_gone())
        self.assertTrue(target.handle_completion(1009 * MS, plan.ticket).is_unknown_ticket())
        self.assertTrue(target.answer_at(1010 * MS).source.is_unavailable())
        self.assertTrue(frame(target, 1033).is_run())

    def test_expired_runs_are_not_kept(self):
        target, first = session(), None
        for n in range(50):
            plan = frame(target, 1000 + n * 2000)  # nobody runs any of them
            first = first or plan
        self.assertTrue(target.run(first.ticket).is_gone())


class Errors(unittest.TestCase):
    def refused(self, kind, code, call):
        with self.assertRaises(kind) as raised:
            call()
        self.assertEqual(raised.exception.code(), code)
        self.assertTrue(raised.exception.describe())
        return raised.exception

    def test_a_bad_card_names_line_and_field(self):
        card = CARD.replace("epsilon = 20", "epsilom = 20")
        error = self.refused(sdk.SdkError.Card, 101, lambda: sdk.Session(card, MODEL, 1))
        self.assertEqual(error.field, "tolerance.epsilom")
        self.assertEqual(error.line, card[: card.index("epsilom")].count("\n") + 1)
        card = CARD.replace("miss_rate = 0.05", "miss_rate = 7")
        error = self.refused(sdk.SdkError.Card, 101, lambda: sdk.Session(card, MODEL, 1))
        self.assertEqual(error.field, "tolerance.miss_rate")

    def test_a_bad_model_is_told_apart(self):
        for model in (b"", b"not a model", MODEL[:300], bytes(range(256)) * 64):
            self.refused(sdk.SdkError.Model, 104, lambda: sdk.Session(CARD, model, 1))
        card = CARD.replace("height = 16", "height = 32")
        error = self.refused(sdk.SdkError.Model, 104, lambda: sdk.Session(card, MODEL, 1))
        self.assertEqual(error.fault, sdk.ModelFault.MISMATCH)
        self.assertIn("[1, 1, 16, 16]", error.problem)

    def test_another_model_than_the_cards_is_refused(self):
        card = CARD.replace("version = 1", 'version = 1\nsha256 = "' + "0" * 64 + '"')
        error = self.refused(sdk.SdkError.Digest, 102, lambda: sdk.Session(card, MODEL, 1))
        self.assertEqual(error.stated, "0" * 64)

    def test_a_bad_frame_is_typed_and_poisons_nothing(self):
        target = session()
        error = self.refused(sdk.SdkError.Frame, 201, lambda: frame(target, 1000, picture()[:-1]))
        self.assertTrue(error.fault.is_plane_length())
        self.assertEqual((error.fault.plane, error.fault.found, error.fault.needed), (0, 4095, 4096))
        stride = [sdk.PlaneLayout(offset=0, row_stride=SIDE - 1)]
        error = self.refused(sdk.SdkError.Frame, 201, lambda: frame(target, 1000, planes=stride))
        self.assertTrue(error.fault.is_stride())
        error = self.refused(sdk.SdkError.Frame, 201, lambda: frame(target, 1000, width=4))
        self.assertEqual((error.fault.width, error.fault.min), (4, 16))
        nowhere = sdk.Rect(x0=float("nan"), y0=0.0, x1=1.0, y1=1.0)
        error = self.refused(sdk.SdkError.Frame, 201, lambda: frame(target, 1000, region=nowhere))
        self.assertTrue(error.fault.is_region())
        for planes in ([], [sdk.PlaneLayout(offset=2**32 - 1, row_stride=SIDE)]):
            self.refused(sdk.SdkError.Frame, 201, lambda: frame(target, 1000, planes=planes))
        self.refused(sdk.SdkError.Frame, 201, lambda: frame(target, 1000, b""))
        self.assertTrue(frame(target, 1000).is_run())

    def test_negative_times_are_refused_everywhere(self):
        target = session()
        environment = sdk.Environment(thermal_headroom=None, power_saving=False, display_period_nanos=None)
        backwards = sdk.Environment(thermal_headroom=None, power_saving=False, display_period_nanos=-1)
        for argument, call in (
            ("now_nanos", lambda: target.handle_frame(-1, 0, geometry(), picture())),
            ("captured_nanos", lambda: target.handle_frame(0, -(2**63), geometry(), picture())),
            ("now_nanos", lambda: target.handle_completion(-1, 1)),
            ("display_nanos", lambda: target.answer_at(-1)),
            ("now_nanos", lambda: target.handle_timeout(-1)),
            ("now_nanos", lambda: target.handle_environment(-1, environment)),
            ("display_period_nanos", lambda: target.handle_environment(0, backwards)),
        ):
            error = self.refused(sdk.SdkError.NegativeTime, 301, call)
            self.assertEqual(error.argument, argument)
            self.assertLess(error.nanos, 0)

    def test_extreme_times_are_answers(self):
        target = answered(session())
        self.assertTrue(target.answer_at(2**63 - 1).source.is_unavailable())
        target.handle_timeout(2**63 - 1)

    def test_a_frame_of_the_future_is_run_all_the_same(self):
        target = session()
        plan = target.handle_frame(1000 * MS, 1040 * MS, geometry(), picture())
        self.assertTrue(target.run(plan.ticket).is_value())

    def test_after_shutdown_every_call_is_refused(self):
        target = answered(session())
        waiting = frame(target, 90_000, picture(0, 0))
        target.shutdown()
        target.shutdown()
        for call in (
            lambda: frame(target, 91_000),
            lambda: target.run(waiting.ticket),
            lambda: target.handle_completion(91_000 * MS, waiting.ticket),
            lambda: target.cancel(waiting.ticket),
            lambda: target.answer_at(91_000 * MS),
            lambda: target.handle_timeout(91_000 * MS),
            target.poll_event,
            target.poll_timeout,
            target.reset,
        ):
            self.refused(sdk.SdkError.ShutDown, 401, call)

    def test_shutdown_frees_memory_while_references_remain(self):
        def resident():
            gc.collect()
            with open("/proc/self/statm", encoding="ascii") as statm:
                return int(statm.read().split()[1]) * 4096

        if not os.path.exists("/proc/self/statm"):
            self.skipTest("the resident size is read from /proc")
        # Exact results are cached in the session; the model itself is tiny.
        kept = []
        for _ in range(30):
            kept.append(answered(session()))
            kept[-1].shutdown()
        before = resident()
        for _ in range(300):
            kept.append(answered(session()))
            kept[-1].shutdown()
        grown = resident() - before
        self.assertLess(grown, 300 * 16 * 1024, "a session that is shut down keeps little more than its lock")


def bits(number):
    """The bits of the 32-bit float that a Python float was made from."""
    return struct.unpack("<I", struct.pack("<f", number))[0]


def name(value):
    """`WITHIN_TOLERANCE` or an instance of the nested class `RUN` as Rust's `WithinTolerance`, `Run`."""
    text = getattr(value, "name", None) or type(value).__name__.rsplit(".", 1)[-1]
    return "".join(part.capitalize() for part in text.split("_"))


def numbers_of(value):
    """The value's numbers, in the order of the vectors."""
    if value.is_keypoints():
        return [n for p in value.points for n in (p.x, p.y, p.visibility)]
    if value.is_rotation():
        return [value.w, value.x, value.y, value.z]
    return value.shares if value.is_probabilities() else value.numbers


def value_as_list(value):
    if value is None:
        return None
    if value.is_boxes():
        return [
            [
                [bits(n) for n in (b.bounds.x0, b.bounds.y0, b.bounds.x1, b.bounds.y1, b.score)],
                b.class_index,
                b.identity,
            ]
            for b in value.boxes
        ]
    if value.is_label():
        return ["Label", value.class_index, [bits(value.score)]]
    if value.is_mask():
        edges = (value.bounds.x0, value.bounds.y0, value.bounds.x1, value.bounds.y1)
        return ["Mask", value.width, value.height, [bits(n) for n in edges], bytes(value.cells).hex()]
    return [name(value), [bits(n) for n in numbers_of(value)]]


def as_list(answer):
    source = name(answer.source)
    return [
        value_as_list(answer.value),
        f"{source} {name(answer.source.carry)}" if source == "Predicted" else source,
        answer.key_frame_nanos,
        answer.age_nanos,
        answer.horizon_nanos,
        bits(answer.uncertainty),
        answer.within_tolerance,
        answer.model_version,
        None if answer.degraded is None else name(answer.degraded),
        answer.prediction,
    ]


class Variants(unittest.TestCase):
    CARD = CARD + """
[[model.variants]]
name = "bright-spot-small"
version = 7
file = "small.onnx"
energy = 0.4
error_scale = 1.5
"""

    def test_heat_changes_over_and_answers_say_so(self):
        target = sdk.Session.with_files(self.CARD, {"bright_spot.onnx": MODEL, "small.onnx": MODEL}, 1)
        answered(target)
        self.assertEqual((target.answer_at(1016 * MS).variant, target.answer_at(1016 * MS).model_version), (0, 1))
        hot = sdk.Environment(thermal_headroom=0.9, power_saving=False, display_period_nanos=None)
        target.handle_environment(1020 * MS, hot)
        ms, plan = 1000, None
        while plan is None or not plan.is_run():
            ms += 33
            plan = frame(target, ms, picture(0, 0))
        target.run(plan.ticket)
        target.handle_completion((ms + 9) * MS, plan.ticket)
        answer = target.answer_at((ms + 16) * MS)
        self.assertEqual((answer.variant, answer.model_version), (1, 7))
        self.assertEqual(target.model_name(answer.variant), "bright-spot-small")
        events = []
        while (event := target.poll_event()) is not None:
            events.append(event)
        (change,) = [e for e in events if e.is_variant_changed()]
        self.assertEqual((change.before, change.after), (0, 1))
        self.assertEqual(change.why, sdk.SwitchReason.HEAT)
        self.assertTrue(any(e.is_rung_changed() and e.rung == sdk.Rung.SMALLER_VARIANT for e in events))

    def test_a_missing_file_is_named(self):
        with self.assertRaises(sdk.SdkError.Missing) as raised:
            sdk.Session(self.CARD, MODEL, 1)
        self.assertEqual((raised.exception.file, raised.exception.code()), ("small.onnx", 105))


class Budget(unittest.TestCase):
    """Sessions that share a budget."""

    def limits(self, **changed):
        return sdk.SharedLimits(**{**{"duty": 0.5, "runs_at_a_time": 1}, **changed})

    def test_one_worker_serves_two_sessions_in_turn(self):
        budget = sdk.SharedBudget(self.limits())
        first, second = session(1), session(2)
        first.share_budget(budget, 2.0)
        second.share_budget(budget, 1.0)
        run = frame(first, 1000, picture())
        self.assertTrue(run.is_run())
        self.assertEqual(budget.runs_under_way(), 1)
        put_off = frame(second, 1001, picture())
        self.assertEqual(put_off.reason, sdk.SkipReason.SHARED)
        first.run(run.ticket)
        first.handle_completion(1010 * MS, run.ticket)
        self.assertEqual(budget.runs_under_way(), 0)
        self.assertTrue(any(frame(second, 1030 + 33 * n, picture()).is_run() for n in range(10)))

    def test_limits_out_of_range_are_typed(self):
        with self.assertRaises(sdk.SdkError.Config):
            sdk.SharedBudget(self.limits(duty=-1.0))

    def test_a_budget_takes_heat_and_a_reset(self):
        budget = sdk.SharedBudget(self.limits())
        hot = sdk.Environment(thermal_headroom=1.2, power_saving=True, display_period_nanos=None)
        budget.handle_environment(5 * MS, hot)
        budget.reset(6 * MS)
        with self.assertRaises(sdk.SdkError.NegativeTime):
            budget.reset(-1)


class Watching(unittest.TestCase):
    """Labels, groups, metrics and reviews of a card that watches nothing."""

    def test_a_card_without_monitoring_watches_nothing(self):
        target = answered(session(1))
        label = target.handle_label(2000 * MS, 0, sdk.Truth.CLASS(index=1))
        self.assertTrue(label.is_unwatched())
        self.assertFalse(target.set_slice("camera", "front"))
        target.begin_session()
        self.assertIsNone(target.metrics(SENDER))
        self.assertIsNone(target.take_review())

    def test_after_shutdown_they_are_refused(self):
        target = session(1)
        target.shutdown()
        for call in (target.begin_session, target.take_review, lambda: target.set_slice("a", "b")):
            with self.assertRaises(sdk.SdkError.ShutDown):
                call()


class Monitored(unittest.TestCase):
    """A card that watches scores: windows are told, and are there to be sent."""

    CARD = CARD + """
[monitoring]
window_minutes = 1
min_sessions = 2
"""

    def test_a_window_is_told_and_sent(self):
        target = sdk.Session(self.CARD, MODEL, 1)
        answered(target)
        target.handle_timeout(200_000 * MS)
        events = []
        while (event := target.poll_event()) is not None:
            events.append(event)
        self.assertTrue(any(e.is_window_closed() for e in events), events)
        message = target.metrics(SENDER)
        self.assertIn(b"app", message)


class Motion(unittest.TestCase):
    """What the host knows about the camera."""

    def test_a_motion_that_no_frame_can_have_is_typed(self):
        target = session(1)
        image = geometry(motion=motion(1e6, 0.0, 0.0, 0.0, 0.0, 0.0))
        with self.assertRaises(sdk.SdkError.Frame) as raised:
            target.handle_frame(2 * MS, MS, image, picture())
        self.assertTrue(raised.exception.fault.is_motion())
        self.assertTrue(frame(target, 10, picture()).is_run())

    def test_a_turn_to_the_right_moves_the_picture_to_the_left(self):
        self.assertAlmostEqual(sdk.camera_motion_from_turn(0.0, 0.01, 0.0, 1000.0).shift_x, -10.0, places=2)


class Parity(unittest.TestCase):
    """A recorded scenario gives what the Rust facade gave, bit for bit."""

    def replay(self, call):
        kind = call["call"]
        if kind == "frame":
            turned = call["turned"]
            image = sdk.ImageGeometry(
                format=sdk.PixelFormat[call["format"].upper()],
                width=call["width"],
                height=call["height"],
                planes=[sdk.PlaneLayout(offset=o, row_stride=call["stride"]) for o in call["offsets"]],
                rotation=sdk.Rotation.CW90 if turned else sdk.Rotation.UPRIGHT,
                mirror=turned,
                region=None,
                motion=call["motion"] and motion(*call["motion"]),
            )
            try:
                plan = self.target.handle_frame(call["now"], call["captured"], image, self.pictures[call["picture"]])
            except sdk.SdkError.Frame as error:
                return {"error": error.describe()}
            if plan.is_skip():
                return {"skip": name(plan.reason)}
            self.assertTrue(self.target.run(plan.ticket).is_value())
            return {"run": [plan.ticket, name(plan.reason), plan.expires_nanos]}
        if kind == "completion":
            return name(self.target.handle_completion(call["now"], call["ticket"]))
        if kind == "answer":
            return as_list(self.target.answer_at(call["display"]))
        if kind == "environment":
            hot = call["hot"]
            environment = sdk.Environment(
                thermal_headroom=1.1 if hot else None, power_saving=hot, display_period_nanos=None
            )
            return self.target.handle_environment(call["now"], environment)
        if kind == "reset":
            return self.target.reset()
        if kind == "timeout":
            timeout = self.target.poll_timeout()
            return [timeout.at_nanos, name(timeout.reason)]
        if kind == "event":
            return name(self.target.poll_event())
        return self.fail(f"unknown call {kind}")

    def test_plans_answers_errors_and_events_are_those_of_rust(self):
        self.target = session(VECTORS["seed"])
        self.pictures = [bytes.fromhex(p) for p in VECTORS["pictures"]]
        seen = set()
        for index, call in enumerate(VECTORS["calls"]):
            given = self.replay(call)
            self.assertEqual(given, call.get("gives"), f"call {index}: {({**call, 'gives': None})}")
            seen.add((call["call"], *(given if isinstance(given, dict) else ())))
        # The scenario shows what it is for.
        for kind in (("frame", "run"), ("frame", "skip"), ("frame", "error"), ("completion",), ("answer",)):
            self.assertIn(kind, seen)
        for kind in ("environment", "reset", "timeout", "event"):
            self.assertIn((kind,), seen)

    def test_every_kind_of_value_crosses(self):
        self.pictures = [bytes.fromhex(p) for p in VECTORS["pictures"]]
        seen = set()
        for scenario in VECTORS["kinds"]:
            self.target = sdk.Session(scenario["card"], MODEL, VECTORS["seed"])
            for index, call in enumerate(scenario["calls"]):
                given = self.replay(call)
                self.assertEqual(given, call.get("gives"), f"call {index}: {({**call, 'gives': None})}")
                if call["call"] == "answer" and given[0] is not None:
                    seen.add(given[0][0])
        self.assertEqual(seen, {"Vector", "Keypoints", "Probabilities", "Label", "Rotation", "Embedding", "Mask"})


if __name__ == "__main__":
    unittest.main()
