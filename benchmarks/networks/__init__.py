"""The same networks, written in each library as its users write them. Sizes come by name from a Workload.

``end`` says what the last layer gives: ``classes`` and ``chance`` are class scores and a yes or no, for which libraries
other than ours give logits to the loss; ``linear`` and ``sigmoid`` are meant as they stand.
"""
