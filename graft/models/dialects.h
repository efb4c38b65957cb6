#pragma once

#include "graft/models/family.h"

/// Weights in other projects' names. Each function recognises them by their tensor names, rewrites
/// names and config into Hugging Face's, and returns false when they are something else.
namespace graft::models {

/// torchvision's and timm's ResNet ("layer1.0.conv1.weight"); widths and depths are read off the
/// shapes.
bool adopt_resnet(Checkpoint& checkpoint);
/// timm's ("blocks.0.attn.qkv.weight") ViT, distilled DeiT and DINOv2, and torchvision's
/// ("encoder.layers.encoder_layer_0.…") ViT.
bool adopt_vit(Checkpoint& checkpoint);
/// timm's ConvNeXt ("stages.0.blocks.0.conv_dw.weight").
bool adopt_convnext(Checkpoint& checkpoint);
/// The CIFAR ResNets of akamaster/pytorch_resnet_cifar10 ("layer1.0.conv1.weight" with
/// "linear.weight").
bool adopt_cifar_resnet(Checkpoint& checkpoint);

/// torchvision's fasterrcnn_resnet50_fpn and retinanet_resnet50_fpn, and the same with other
/// ResNets, numbers of channels and classes ("backbone.body.conv1.weight",
/// "backbone.fpn.inner_blocks.0.0.…"; names of before 0.13 as well). Anchors must be torchvision's
/// usual ones. Where there are 91 rows, classes are called as COCO calls them.
bool adopt_faster_rcnn(Checkpoint& checkpoint);
bool adopt_retinanet(Checkpoint& checkpoint);

}  // namespace graft::models
