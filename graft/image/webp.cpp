#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "graft/base/error.h"
#include "graft/image/formats.h"
#include "graft/image/orientation.h"

namespace graft::image {
namespace {

using detail::Bytes;
using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

Demuxer open(Bytes bytes, const std::string& where) {
  const WebPData data{bytes.data(), bytes.size()};
  Demuxer demuxer(WebPDemux(&data), &WebPDemuxDelete);
  if (!demuxer) fail_unreadable("{}: the WebP is damaged or ends early", where);
  detail::check_size(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                     WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT), where);
  return demuxer;
}

Dimensions canvas(const Demuxer& demuxer) {
  return {static_cast<int>(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH)),
          static_cast<int>(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT))};
}

int orientation_of(const Demuxer& demuxer) {
  WebPChunkIterator chunk;
  if (!WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk)) return 1;
  Bytes exif(chunk.chunk.bytes, chunk.chunk.size);
  // Some writers keep the prefix that EXIF has inside a JPEG.
  if (exif.size() > 6 && exif[0] == 'E' && exif[1] == 'x') exif = exif.subspan(6);
  const int orientation = detail::exif_orientation(exif);
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

}  // namespace

Image detail::decode_webp(Bytes bytes, const std::string& where) {
  const Demuxer demuxer = open(bytes, where);
  const auto [width, height] = canvas(demuxer);
  WebPIterator frame;
  if (!WebPDemuxGetFrame(demuxer.get(), 1, &frame)) {
    fail_unreadable("{}: the WebP has no picture in it", where);
  }
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(
      &frame, &WebPDemuxReleaseIterator);
  // A frame of an animation may cover a part of the canvas only; the rest is black.
  if (!frame.complete || frame.x_offset < 0 || frame.y_offset < 0 || frame.width <= 0 ||
      frame.height <= 0 || frame.width > width - frame.x_offset ||
      frame.height > height - frame.y_offset) {
    fail_unreadable("{}: the WebP is damaged: its first frame is incomplete", where);
  }
  Image image(width, height);
  uint8_t* corner = image.at(frame.x_offset, frame.y_offset);
  const auto room = static_cast<size_t>(image.pixels.data() + image.pixels.size() - corner);
  if (!WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, corner, room, width * 3)) {
    fail_unreadable("{}: the WebP cannot be decoded: its picture data are damaged", where);
  }
  return upright(std::move(image), orientation_of(demuxer));
}

Dimensions detail::probe_webp(Bytes bytes, const std::string& where) {
  const Demuxer demuxer = open(bytes, where);
  return upright(canvas(demuxer), orientation_of(demuxer));
}

}  // namespace graft::image
