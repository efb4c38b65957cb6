/* Calls Darknet's own yolo layer for make_yolo_loss.py: what it wants the outputs of the network to become. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "yolo_layer.h"

/* What the layer asks of the rest of Darknet; off in all that is asked here. */
int64_t get_current_iteration(network net) { return 0; }

/* settings: ignore_thresh, iou_thresh, iou_normalizer, obj_normalizer, cls_normalizer, label_smooth_eps, scale_x_y.
   truth: batch x max_boxes x (x, y, w, h, class, 0), relative to the picture; x = 0 ends a list. */
void yolo_deltas(int batch, int w, int h, int n, int total, const int *mask, const float *anchors, int classes, int max_boxes,
                 const float *settings, int iou_loss, int net_w, int net_h, float *input, float *truth, float *delta) {
  int *its_mask = calloc(n, sizeof(int));
  memcpy(its_mask, mask, n * sizeof(int));
  layer l = make_yolo_layer(batch, w, h, n, total, its_mask, classes, max_boxes);
  memcpy(l.biases, anchors, 2 * total * sizeof(float));
  l.ignore_thresh = settings[0];
  l.iou_thresh = settings[1];
  l.iou_normalizer = settings[2];
  l.obj_normalizer = settings[3];
  l.cls_normalizer = settings[4];
  l.label_smooth_eps = settings[5];
  l.scale_x_y = settings[6];
  l.truth_thresh = 1;
  l.iou_thresh_kind = IOU;
  l.iou_loss = (IOU_LOSS)iou_loss;
  l.max_delta = FLT_MAX;
  int rewritten = 0, boxes = 0;
  network_state state = {0};
  state.train = 1;
  state.input = input;
  state.truth = truth;
  state.net.w = net_w;
  state.net.h = net_h;
  state.net.rewritten_bbox = &rewritten;
  state.net.total_bbox = &boxes;
  forward_yolo_layer(l, state);
  memcpy(delta, l.delta, (size_t)batch * l.outputs * sizeof(float));
}

int kind_of_loss(const char *name) {
  if (!strcmp(name, "mse")) return MSE;
  if (!strcmp(name, "giou")) return GIOU;
  if (!strcmp(name, "diou")) return DIOU;
  if (!strcmp(name, "ciou")) return CIOU;
  return IOU;
}
