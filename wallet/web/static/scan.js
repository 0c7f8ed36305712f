// QR codes: from the camera, or from a picture. What is read is put into the field, as if it had been typed.
import jsQR from "jsqr";

const WIDTH_MAX = 1600;

function read(source, width, height) {
  const scale = Math.min(1, WIDTH_MAX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return jsQR(data, canvas.width, canvas.height)?.data ?? "";
}

class Scanner {
  constructor(root) {
    this.root = root;
    this.field = document.getElementById(root.dataset.field);
    this.status = root.querySelector("[role=status]");
    this.video = root.querySelector("video");
    root.querySelector("input[type=file]").addEventListener("change", (event) => this.picture(event.target));
    root.querySelector("[data-camera]").addEventListener("click", () => (this.stream ? this.stop() : this.start()));
  }

  found(text) {
    this.stop();
    this.field.value = text;
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    this.field.dispatchEvent(new Event("change", { bubbles: true }));
    this.status.textContent = this.root.dataset.found;
    this.field.focus();
  }

  async picture(input) {
    const [file] = input.files;
    if (!file) return;
    try {
      const bitmap = await createImageBitmap(file);
      const text = read(bitmap, bitmap.width, bitmap.height);
      if (text) this.found(text);
      else this.status.textContent = this.root.dataset.none;
    } catch {
      this.status.textContent = this.root.dataset.none;
    }
    input.value = "";
  }

  async start() {
    this.status.textContent = this.root.dataset.waiting;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      this.status.textContent = this.root.dataset.refused;
      return;
    }
    this.video.hidden = false;
    this.video.srcObject = this.stream;
    await this.video.play();
    this.status.textContent = this.root.dataset.looking;
    this.look();
  }

  look() {
    if (!this.stream) return;
    const text = this.video.videoWidth ? read(this.video, this.video.videoWidth, this.video.videoHeight) : "";
    if (text) this.found(text);
    else setTimeout(() => this.look(), 150);
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.hidden = true;
    this.video.srcObject = null;
  }
}

document.querySelectorAll("[data-scanner]").forEach((root) => new Scanner(root));
