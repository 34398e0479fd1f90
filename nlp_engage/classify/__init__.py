"""Classifiers at work: the shipped ONNX model (light, no torch) and two baselines (extra ``train``)."""

from nlp_engage.classify.folder import ModelConfig, model_folder
from nlp_engage.classify.onnx import OnnxLabeller

__all__ = ["ModelConfig", "OnnxLabeller", "model_folder"]
