using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Nn;

/// <summary>First layer on sparse counts with one-hot columns appended. In memory its weight is inputs x outputs, so that a stored value touches one
/// contiguous row; in weight files it is outputs x inputs like any dense layer.</summary>
public sealed class SparseLinear : Module
{
    /// <summary>A layer with random weights and biases, uniform on +-1/sqrt(inputs).</summary>
    /// <param name="name">Its name in weight files.</param>
    /// <param name="inputs">Columns of the input, one-hot columns included.</param>
    /// <param name="outputs">Columns of the output.</param>
    /// <param name="key">Names the random numbers, together with the parameters' names.</param>
    public SparseLinear(string name, int inputs, int outputs, RandomKey key)
    {
        Weight = Register(new Parameter(name + ".weight", inputs, outputs) { TransposedInFiles = true });
        Bias = Register(new Parameter(name + ".bias", outputs));
        InitializeUniform(Weight, inputs, key);
        InitializeUniform(Bias, inputs, key);
    }

    /// <summary>Inputs x outputs.</summary>
    public Parameter Weight { get; }

    /// <summary>One number per output.</summary>
    public Parameter Bias { get; }

    /// <summary>[x, one-hot(codes)] w + b.</summary>
    /// <param name="tape">The tape of the result.</param>
    /// <param name="x">Sparse rows.</param>
    /// <param name="codes">For every row which of the appended columns is 1, or -1 for none; empty where no columns are appended.</param>
    public Tensor Forward(Tape tape, SparseRows x, ReadOnlyMemory<int> codes) => Op.SparseLinear(tape, x, codes, Weight, Bias);
}
