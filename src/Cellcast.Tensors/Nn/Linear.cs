using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Nn;

/// <summary>Dense layer x w' + b; parameters <c>NAME.weight</c> (outputs x inputs) and <c>NAME.bias</c>.</summary>
public sealed class Linear : Module
{
    /// <summary>A layer with random weights and biases, uniform on +-1/sqrt(inputs).</summary>
    /// <param name="name">Its name in weight files.</param>
    /// <param name="inputs">Columns of the input.</param>
    /// <param name="outputs">Columns of the output.</param>
    /// <param name="key">Names the random numbers, together with the parameters' names.</param>
    public Linear(string name, int inputs, int outputs, RandomKey key)
    {
        Weight = Register(new Parameter(name + ".weight", outputs, inputs));
        Bias = Register(new Parameter(name + ".bias", outputs));
        InitializeUniform(Weight, inputs, key);
        InitializeUniform(Bias, inputs, key);
    }

    /// <summary>Outputs x inputs.</summary>
    public Parameter Weight { get; }

    /// <summary>One number per output.</summary>
    public Parameter Bias { get; }

    /// <summary>x w' + b.</summary>
    /// <param name="x">One row per item.</param>
    public Tensor Forward(Tensor x) => Op.Linear(x, Weight, Bias);
}
