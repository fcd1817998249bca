#!/usr/bin/env python3
"""Writes cases/*.nnet and records/*.safetensors anew: needs PyTorch (2.13 was used), scikit-learn and safetensors. See README.md."""

import torch

import images
import items
import kernels
import lines
import metrics
import networks
import recurrent
import sequences
import training
import transformers
import windows
import worked

torch.set_num_threads(1)
training.record_all()
images.record_all()
items.record_all()
kernels.record_all()
lines.record_all()
metrics.record_all()
networks.record_all()
recurrent.record_all()
transformers.record_all()
sequences.record_all()
windows.record_all()
worked.record_all()
