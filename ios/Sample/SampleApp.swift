// A camera preview with the answers over it: source by colour, rates in numbers.
// Add it to an iOS app target together with the package, `NSCameraUsageDescription`, `card.toml` and `card.onnx`.

#if os(iOS)
    import AVFoundation
    import Inbetween
    import SwiftUI

    @main
    struct SampleApp: App {
        var body: some Scene {
            WindowGroup { CameraView() }
        }
    }

    struct CameraView: View {
        @StateObject private var model = CameraModel()

        var body: some View {
            ZStack {
                Preview(capture: model.capture)
                Canvas { context, size in
                    for box in model.boxes {
                        let scale = CGSize(width: size.width / model.frame.width, height: size.height / model.frame.height)
                        let r = box.bounds
                        let place = CGRect(
                            x: CGFloat(r.x0) * scale.width, y: CGFloat(r.y0) * scale.height,
                            width: CGFloat(r.x1 - r.x0) * scale.width, height: CGFloat(r.y1 - r.y0) * scale.height)
                        context.stroke(Path(place), with: .color(model.colour), lineWidth: 3)
                    }
                }
                VStack {
                    Spacer()
                    Text(model.status).font(.footnote.monospacedDigit()).padding(8).background(.thinMaterial)
                }
            }
            .ignoresSafeArea()
            .task { await model.run() }
        }
    }

    @MainActor
    final class CameraModel: ObservableObject {
        @Published private(set) var boxes: [DetectedBox] = []
        @Published private(set) var colour = Color.gray
        @Published private(set) var status = "opening the model"
        let capture = AVCaptureSession()
        let frame = CGSize(width: 720, height: 1280)
        private var feed: CameraFeed?
        private var monitor: DeviceMonitor?

        func run() async {
            do {
                let asset = try ModelAsset(named: "card")
                let session = try await InbetweenSession.open(card: asset.card, model: asset.model)
                defer { session.close() }
                monitor = DeviceMonitor(session)
                try await start(session)
                var refreshes = 0
                for try await answer in session.answers(on: DisplayLink()) {
                    refreshes += 1
                    boxes = answer.boxes
                    colour = Self.colour(answer)
                    status = "\(answer.source), \(answer.ageNanos / 1_000_000) ms old, ±\(answer.uncertainty) px"
                }
            } catch {
                status = error.localizedDescription
            }
        }

        /// Green from the model, blue followed by pixels, orange extrapolated; grey when it may be wrong.
        private static func colour(_ answer: Answer) -> Color {
            guard answer.withinTolerance else { return .gray }
            return switch answer.source {
            case .model, .cached: .green
            case .predicted(.pixels): .blue
            default: .orange
            }
        }

        private func start(_ session: InbetweenSession) async throws {
            guard await AVCaptureDevice.requestAccess(for: .video),
                let camera = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: .back)
            else {
                status = "the camera may not be used"
                return
            }
            let feed = CameraFeed(session, rotation: .cw90)
            let output = AVCaptureVideoDataOutput()
            output.alwaysDiscardsLateVideoFrames = true
            output.setSampleBufferDelegate(feed, queue: DispatchQueue(label: "camera"))
            capture.beginConfiguration()
            capture.sessionPreset = .hd1280x720
            capture.addInput(try AVCaptureDeviceInput(device: camera))
            capture.addOutput(output)
            capture.commitConfiguration()
            self.feed = feed
            let capture = capture
            await Task.detached { capture.startRunning() }.value
        }
    }

    struct Preview: UIViewRepresentable {
        let capture: AVCaptureSession

        func makeUIView(context: Context) -> UIView {
            let view = PreviewView()
            view.layer.addSublayer(AVCaptureVideoPreviewLayer(session: capture))
            return view
        }

        func updateUIView(_ view: UIView, context: Context) {}

        private final class PreviewView: UIView {
            override func layoutSubviews() {
                super.layoutSubviews()
                layer.sublayers?.forEach { $0.frame = bounds }
            }
        }
    }
#endif
