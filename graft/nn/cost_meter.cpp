#include "graft/nn/cost_meter.h"

namespace graft::nn {
namespace {

thread_local CostMeter* current = nullptr;

}  // namespace

CostMeter::CostMeter() : outer_(current) {
  current = this;
}
CostMeter::~CostMeter() {
  current = outer_;
}
CostMeter* CostMeter::active() {
  return current;
}

}  // namespace graft::nn
