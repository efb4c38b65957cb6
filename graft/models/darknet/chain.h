#pragma once

#include <string>
#include <vector>

#include "graft/io/darknet_net.h"
#include "graft/models/model.h"

/// How a Darknet network becomes a chain of blocks.
namespace graft::models {

/// Layers that are one block.
struct DarknetPart {
  std::string name;
  Span span = Span::backbone;
  std::vector<int> layers;  ///< ascending
  std::vector<int> kept;    ///< those whose outputs later parts read, ascending
};

/// What a config may say of the division.
struct DarknetDivision {
  int64_t backbone = 0;   ///< its first so many layers are the backbone; 0: up to the first branch
  bool branches = false;  ///< the head is all that follows the backbone
};

/// The layer whose output layer i passes on: itself, unless it is a route to one whole layer.
int darknet_origin(const io::DarknetNet& net, int i);

/// Stem, blocks and branches in the cfg's order, then the head.
///
/// The backbone ends before the first branch that leads to one yolo layer alone. It is cut where
/// nothing of it but its last output is needed further up in it: behind residuals, joined routes,
/// bottlenecks (convolutions without activation) and poolings, and before convolutions that shrink
/// the map. What follows belongs to branches, one for each yolo layer. The head has the
/// convolutions that the yolo layers read, where classes have their rows. A division that the
/// network does not have is an error (exit code 3).
std::vector<DarknetPart> divide_darknet(const io::DarknetNet& net, const DarknetDivision& division);

}  // namespace graft::models
