"""Names of tensors in the checkpoints of this project."""

from trainer.weights.form.naming import IMAGE, TEXT, Naming, Source

OURS = Naming(
    title="this project",
    mark="image_encoder.conv1.weight",
    source=lambda ours: Source((ours,)),
    of_image=(IMAGE,),
    of_text=(TEXT, "logit_"),
)
