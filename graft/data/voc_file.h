#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graft/image/codec.h"

namespace graft::data {

/// One file of annotations in the format of Pascal VOC (Everingham et al. 2010).
struct VocFile {
  struct Object {
    std::string name;
    double xmin = 0, ymin = 0, xmax = 0, ymax = 0;  ///< as the file has them: pixels counted from 1
    bool difficult = false;
  };

  std::string filename;    ///< of the picture; often wrong, and may be empty
  image::Dimensions size;  ///< 0 x 0 when the file does not say
  std::vector<Object> objects;
};

/// Reads one. Coordinates that are no numbers are NaN. Errors (exit code 3) name the file: what is
/// no XML, more than 16 MiB, another kind of document, an object without a name or a bndbox.
/// Entities of a document's own are never expanded.
VocFile read_voc(const std::filesystem::path& path);

}  // namespace graft::data
